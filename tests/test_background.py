"""Jobs beside the scoring: in order, a few at most, and no error is lost."""

import threading

import pytest

from noiseprobe.background import Background


def failing(message: str) -> None:
    raise ValueError(message)


def test_one_thread_does_jobs_in_order() -> None:
    done: list[int] = []
    background = Background("jobs", waiting=2)
    for i in range(20):
        background.submit(lambda i=i: done.append(i))  # type: ignore[misc]
    background.wait()
    assert done == list(range(20))
    background.close()


def test_no_more_than_a_few_are_in_memory() -> None:
    go = threading.Event()
    background = Background("jobs", waiting=2)
    submitted: list[int] = []

    def submit() -> None:
        for i in range(4):
            background.submit(go.wait)  # type: ignore[arg-type]
            submitted.append(i)

    thread = threading.Thread(target=submit)
    thread.start()
    thread.join(0.5)
    assert submitted == [0, 1]
    go.set()
    thread.join()
    background.close()
    assert submitted == [0, 1, 2, 3]


def test_an_error_comes_back_with_the_next_job_or_at_the_end() -> None:
    background = Background("jobs", waiting=1)
    done: list[int] = []
    go = threading.Event()
    background.submit(lambda: failing("first") if go.wait() else None)
    go.set()
    with pytest.raises(ValueError, match="first"):
        background.submit(lambda: done.append(1))
    go.clear()
    background.submit(lambda: failing("second") if go.wait() else None)
    go.set()
    with pytest.raises(ValueError, match="second"):
        background.wait()
    background.close()
    assert done == [1]  # what was submitted with the error


def test_closing_waits_and_logs_what_went_wrong(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []
    background = Background("jobs")
    go = threading.Event()
    background.submit(go.wait)  # type: ignore[arg-type]  # so that the failure comes after all are submitted
    background.submit(lambda: failing("full disk"))
    background.submit(lambda: done.append(1))
    go.set()
    background.close()
    assert done == [1]
    assert "jobs: full disk" in caplog.text
    background.submit(lambda: done.append(2))  # it can be used again
    background.close()
    assert done == [1, 2]
