"""The working side: ledger, jobs, foreman, engine process."""
