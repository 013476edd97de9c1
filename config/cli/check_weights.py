"""What the doctor says of weights: a line for each set of them."""

from config.cli.findings import Finding, bad, good, unused
from config.paths import models_folder
from config.settings import Settings


def examine_weights(settings: Settings) -> list[Finding]:
    """Compare what was pulled with ``models.lock``; what was not pulled is no fault."""
    from pipeline.engines.weights.catalogue import SETS
    from pipeline.engines.weights.checking import examine
    from pipeline.engines.weights.lock import read_lock
    from pipeline.errors import WeightsAltered

    models = models_folder(settings)
    try:
        lock = read_lock(models)
    except WeightsAltered as damaged:
        return [bad("weights", str(damaged))]
    findings = []
    for each in SETS:
        name, mend = f"weights {each.name}", f"chorus models pull {each.name}"
        if each.name not in lock:
            size = f"{each.size_bytes / 1e9:.1f} GB"
            findings.append(unused(name, f"{each.purpose}: not pulled.", f"{mend} ({size})"))
            continue
        state = examine(models, each.name, lock[each.name])
        if state.usable:
            findings.append(good(name, f"{each.purpose}: all as pulled."))
        else:
            findings.append(bad(name, f"{each.purpose}: {state.complaint()}.", f"{mend} mends it."))
    return findings
