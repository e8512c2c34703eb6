// Runs a program through Pulumi's Automation API, which needs no language host:
//   node driver.js OPERATION PROJECT STACK PROGRAM
// The program is loaded in this process, in the working directory, which is that of the project.
// The last line says how many resources had which change.
const path = require("path");
const auto = require("@pulumi/pulumi/automation");

async function main() {
    const [operation, projectName, stackName, file] = process.argv.slice(2);
    const program = async () => require(path.resolve(file));
    const stack = await auto.LocalWorkspace.createOrSelectStack(
        { projectName, stackName, program }, { workDir: process.cwd() });
    const result = await stack[operation]({ onOutput: (text) => process.stderr.write(text) });
    console.log(JSON.stringify(result.changeSummary ?? result.summary.resourceChanges ?? {}));
}

main().catch((err) => {
    console.error(err);
    process.exit(1);
});
