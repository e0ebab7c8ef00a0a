"""Writers in a process of their own: so many threads, each appending to its session until told how many or how long."""

from __future__ import annotations

import sys
import threading
import time

import hansard


def main(url, name, threads, sessions, turns, seconds):
    end = time.monotonic() + float(seconds)
    failed = []
    with hansard.open(url) as store:

        def write(number):
            try:
                session = store.get(f"s{number % int(sessions)}")
                for turn in range(int(turns)):
                    if time.monotonic() > end:
                        return
                    said = f"{name}.{number}.{turn}"
                    session.append([hansard.user(said, id=said), hansard.assistant(f"{said} yes")])
                    written[number] += 1
            except Exception as error:  # noqa: BLE001 - told to the test
                failed.append(repr(error))

        written = [0] * int(threads)
        started = [threading.Thread(target=write, args=(number,)) for number in range(int(threads))]
        for one in started:
            one.start()
        for one in started:
            one.join()
    sys.stdout.write("\n".join([str(sum(written)), *failed]))


if __name__ == "__main__":
    main(*sys.argv[1:])
