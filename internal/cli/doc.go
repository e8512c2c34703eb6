// Package cli is the command line of groundwork. It is a thin face: it reads flags and the
// environment, calls the engines of internal/, and shows what they return, to people as tables and
// to programs as JSON or YAML. What each exit code means stands in Code.
package cli
