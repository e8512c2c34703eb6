// Package toolchain finds the programs that tests, benchmarks and the quickstart run, and builds
// the ones that are missing.
//
// The modules under tools/ pin every program: the tool directive names the package and the require
// line its version, so a version is written down in one place only. A program is built once into a
// cache that all checkouts share ($GROUNDWORK_TOOLS_DIR, by default groundwork/tools in the user's
// cache directory) as NAME-VERSION/NAME; a new pin is a new directory and never a stale program.
//
// What is no Go program is installed by pip or npm into the same cache, with every file checked
// against the hashes that stand in the folder under tools/.
//
// A terraform or tofu that the machine already has is used as it is when it is recent enough.
package toolchain
