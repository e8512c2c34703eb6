// Runs programs through Pulumi's Automation API, which needs no language host:
//   node driver.js OPERATIONS PROJECT STACK PROGRAM...
// The programs, which are one stack together, are loaded in this process, in the working directory,
// which is that of the project. Operations are separated by commas; each ends with a line that says
// how many resources had which change.
const path = require("path");
const auto = require("@pulumi/pulumi/automation");

async function main() {
    const [operations, projectName, stackName, ...files] = process.argv.slice(2);
    const program = async () => {
        const outputs = {};
        for (const file of files.map(f => path.resolve(f))) {
            delete require.cache[file]; // an earlier operation has loaded it
            let loaded = require(file);
            if (typeof loaded === "function") {
                loaded = await loaded();
            }
            for (const [name, value] of Object.entries(loaded ?? {})) {
                if (name in outputs) {
                    throw new Error(`two programs have the output ${name}`);
                }
                outputs[name] = value;
            }
        }
        return outputs;
    };
    const stack = await auto.LocalWorkspace.createOrSelectStack(
        { projectName, stackName, program }, { workDir: process.cwd() });
    for (const operation of operations.split(",")) {
        const result = await stack[operation]({ onOutput: (text) => process.stderr.write(text) });
        console.log(JSON.stringify(result.changeSummary ?? result.summary.resourceChanges ?? {}));
    }
}

main().catch((err) => {
    console.error(err);
    process.exit(1);
});
