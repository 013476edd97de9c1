"""The benches of the queue: what they find holds their budgets, and the figures are right."""

import pytest

from config.cli.bench_queue import jain, least_fairness, least_fairness_within
from tests.system.commands import chorus, last_object


def test_jain_is_one_for_equal_shares_and_one_in_n_where_one_has_all() -> None:
    assert jain([3, 3, 3, 3]) == 1.0
    assert jain([9, 0, 0]) == pytest.approx(1 / 3)


def test_fairness_is_that_of_the_worst_window_while_all_have_work_waiting() -> None:
    turns = list("abc" * 6)
    greedy = [*"abc" * 3, *"aaaaaa", *"abc" * 3, "b", "c"]

    assert least_fairness([*turns, *"aaaaaaaa"], 6) == 1.0  # who is alone at the end robs nobody
    assert least_fairness(greedy, 6) == pytest.approx(1 / 3)


def test_fairness_within_chats_is_that_of_the_chat_whose_people_fare_worst() -> None:
    alike = [("hall", person) for person in "abcd" * 3]
    greedy = [("room", person) for person in "xxxyxxxyy"]

    assert least_fairness_within([*alike, *[("alone", "z")] * 9], 2) == 1.0
    assert least_fairness_within([*alike, *greedy], 2) == pytest.approx(16 / 20)


@pytest.mark.slow
@pytest.mark.alone
def test_the_queue_costs_little_scales_is_fair_and_loses_nothing(tmp_path) -> None:
    done = chorus("bench", "queue", "--batches", "60", "--pairs", "3", "--json", data_dir=tmp_path)

    figures = last_object(done)
    checks = {check["name"]: check["ok"] for check in figures["checks"]}
    checks.pop(
        "/status p99, ms"
    )  # sixty orders drain in 8 s: too few answers for a 99th percentile
    assert set(figures) >= {"name", "ok", "ratio", "checks", "lost", "doubled"}
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    assert checks == dict.fromkeys(checks, True), figures
    assert list(tmp_path.glob("bench-*")) == []


@pytest.mark.slow
@pytest.mark.alone
def test_a_further_video_of_an_order_costs_hardly_more_than_rendering_it(tmp_path) -> None:
    done = chorus("bench", "batch", "--pairs", "5", "--json", data_dir=tmp_path)

    figures = last_object(done)
    checks = {check["name"]: check["ok"] for check in figures["checks"]}
    assert checks == dict.fromkeys(checks, True), figures
    assert figures["figures"]["one_order_actions"] == 2
    assert figures["figures"]["ten_orders_actions"] == 20
