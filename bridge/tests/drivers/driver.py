"""Runs a program through Pulumi's Automation API, which needs no language host:

    python driver.py OPERATION PROJECT STACK PROGRAM

The program runs in this process, in the working directory, which is that of the project. The last
line says how many resources had which change.
"""

import json
import os
import runpy
import sys

from pulumi import automation as auto


def main() -> None:
    operation, project, name, file = sys.argv[1:]

    def program() -> None:
        runpy.run_path(file, run_name="__main__")

    options = auto.LocalWorkspaceOptions(work_dir=os.getcwd())
    stack = auto.create_or_select_stack(
        stack_name=name, project_name=project, program=program, opts=options
    )
    result = getattr(stack, operation)(on_output=lambda text: print(text, file=sys.stderr))
    if operation == "preview":
        changes = result.change_summary
    else:
        changes = result.summary.resource_changes
    print(json.dumps({str(getattr(k, "value", k)): v for k, v in (changes or {}).items()}))


main()
