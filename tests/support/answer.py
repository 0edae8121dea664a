"""Runs a command on a terminal of its own, as a person would, and answers what it asks.

    answer.py QUESTION ANSWER COMMAND...

Types the answer as soon as the question is on the screen; prints what stays on it; ends as the command ends, or with 99 where
the question never came.
"""

import os
import pty
import re
import sys

question, answer, command = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)
screen, asked = b"", False
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    screen += part
    if not asked and question in screen:
        asked = True
        os.write(terminal, answer + b"\n")
_, status = os.waitpid(child, 0)
# Colours go, and what is drawn over: bars and spinners.
shown = re.sub("\x1b\\[[0-9;?]*m", "", screen.decode(errors="replace"))
lines = re.split("\x1b\\[[0-9;?]*[A-Za-z]|[\r\n]+", shown)
print("\n".join(line for line in lines if not re.search("[\u2588\u2591\u2800-\u28ff]", line)))
sys.stdout.flush()
code = os.waitstatus_to_exitcode(status)
sys.exit(code if asked else 99)
