"""Runs programs through Pulumi's Automation API, which needs no language host:

    python driver.py OPERATIONS PROJECT STACK PROGRAM...

The programs, which are one stack together, run in this process, in the working directory, which is
that of the project. Operations are separated by commas; each ends with a line that says how many
resources had which change.
"""

import json
import os
import runpy
import sys

from pulumi import automation as auto


def main() -> None:
    operations, project, name, *files = sys.argv[1:]

    def program() -> None:
        for file in files:
            runpy.run_path(file, run_name="__main__")

    options = auto.LocalWorkspaceOptions(work_dir=os.getcwd())
    stack = auto.create_or_select_stack(
        stack_name=name, project_name=project, program=program, opts=options
    )
    for operation in operations.split(","):
        result = getattr(stack, operation)(
            on_output=lambda text: print(text, file=sys.stderr)
        )
        if operation == "preview":
            changes = result.change_summary
        else:
            changes = result.summary.resource_changes
        print(json.dumps({str(getattr(k, "value", k)): v for k, v in (changes or {}).items()}))


main()
