package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// wait keeps everything until an interrupt, and says how to use it meanwhile.
func (q *quickstart) wait(ctx context.Context) error {
	file := filepath.Join(q.dir, "env.sh")
	if err := os.WriteFile(file, []byte(q.exports()), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	q.out.text("The servers keep running. To go on by hand, in another terminal:")
	q.out.line("")
	q.out.line("     source " + quoted(file))
	q.out.line("     cd " + quoted(filepath.Join(q.project, bootstrap)))
	q.out.line("     " + q.tool + " plan")
	q.out.line("")
	q.out.text("env.sh puts %s on the PATH and sets the addresses and the keys of these servers; they are", q.tool)
	q.out.text("of no use elsewhere. Ctrl-C here stops them and removes %s.", q.dir)
	<-ctx.Done()
	q.out.line("")
	return nil
}

// exports are the environment of the steps, for a shell.
func (q *quickstart) exports() string {
	var b strings.Builder
	for _, pair := range append(q.environment(), "TF_CLI_CONFIG_FILE="+q.cli.ConfigFile, "AWS_EC2_METADATA_DISABLED=true") {
		name, value, _ := strings.Cut(pair, "=")
		b.WriteString("export " + name + "=" + quoted(value) + "\n")
	}
	b.WriteString("export PATH=" + quoted(filepath.Dir(q.cli.Path)) + ":\"$PATH\"\n")
	return b.String()
}

// quoted protects a word from the shell.
func quoted(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
