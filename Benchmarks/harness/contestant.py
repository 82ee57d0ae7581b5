"""A process that stays alive and takes one repetition whenever it is asked; nobody else computes meanwhile."""

import json
import re
import subprocess

from harness.workloads import root, scratch


class Contestant:
    """One of those who are compared. `failure` says why it dropped out, where it has."""

    def __init__(self, name, workload, command):
        self.name = name
        self.repetitions = []
        self.failure = None
        self.log = scratch / f"{workload}-{re.sub('[^A-Za-z0-9]+', '-', name)}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=root
            )
        self.answer()

    def answer(self):
        """The next line: that it has warmed up, or the figures of a repetition."""
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.process.wait()
        said = [line for line in self.log.read_text().splitlines() if line.strip()] or ["nothing"]
        self.failure = f"it ended with status {self.process.returncode} and said: {said[-1]}"

    def take_turn(self):
        if self.failure:
            return
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `answer` finds out why
        if figures := self.answer():
            self.repetitions.append(figures)

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
