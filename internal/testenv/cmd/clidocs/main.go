// Command clidocs writes the page about the command line, from the commands themselves.
//
//	go run ./internal/testenv/cmd/clidocs docs/guides/command-line.md
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/cli"
)

const header = `---
page_title: "The command line"
subcategory: ""
description: |-
  Every command of groundwork with its flags and exit codes.
---

# The command line

` + "`groundwork`" + ` is a program of its own beside the provider; ` + "`make install`" + ` in the repository puts it into ` + "`$(go env GOPATH)/bin`" + `. How its locks work, and what they protect, is in [the guide to locks](locks.md). Every command takes ` + "`--format json`" + ` and then shows errors as JSON, too, on standard error: ` + "`{\"format_version\": \"1.0\", \"error\": {\"code\", \"kind\", \"message\", \"hint\"}}`" + `.

`

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: clidocs FILE"))
	}
	app := cli.App{}
	page, err := render(app.Command())
	if err == nil {
		err = os.WriteFile(os.Args[1], page, 0o600)
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "clidocs:", err)
	os.Exit(1)
}

// render writes one page with all commands, in the order of their help.
func render(root *cobra.Command) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(header)
	if err := section(&b, root); err != nil {
		return nil, err
	}
	// Of equal length, so that the columns stay.
	text := strings.ReplaceAll(b.String(), "[=true|false]", "             ")
	return []byte(strings.TrimRight(text, "\n") + "\n"), nil
}

func section(b *bytes.Buffer, cmd *cobra.Command) error {
	cmd.DisableAutoGenTag = true
	if err := doc.GenMarkdownCustom(cmd, b, anchor); err != nil {
		return err
	}
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() && !child.IsAdditionalHelpTopicCommand() {
			if err := section(b, child); err != nil {
				return err
			}
		}
	}
	return nil
}

// anchor turns the name of a command's own page into a place on this one.
func anchor(file string) string {
	return "#" + strings.ReplaceAll(strings.TrimSuffix(file, ".md"), "_", "-")
}
