// Command servicetable writes what groundwork knows about each service into documents:
//
//	go run ./internal/testenv/cmd/servicetable docs/index.md README.md
//
// A document says where by a pair of comments, and what by the word in the first one:
//
//	<!-- services: settings -->
//	<!-- /services -->
//
// The words are reach (where each service is and how it is spoken to), settings (every setting by
// service), locks (whether states can be locked, and how that is known), access (how people are let
// into a bucket where its policy is not the place), overview (what a first look needs) and matrix
// (what came of the last run of every tool on every service). What stands between the comments is
// replaced; but for the matrix it comes from the profiles that the provider itself goes by.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/matrix"
)

const (
	opening = "<!-- services: "
	closing = "<!-- /services -->"
	comment = " -->"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(files []string, stderr io.Writer) int {
	if len(files) == 0 {
		_, _ = fmt.Fprintln(stderr, "usage: servicetable FILE...")
		return 2
	}
	code := 0
	for _, file := range files {
		if err := update(file); err != nil {
			_, _ = fmt.Fprintf(stderr, "servicetable: %v\n", err)
			code = 1
		}
	}
	return code
}

func update(file string) error {
	old, err := os.ReadFile(file) // #nosec G304 -- the caller names the document
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	text, err := fill(string(old))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if text == string(old) {
		return nil
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil { // #nosec G306 -- a public document
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}

// fill replaces what stands between each pair of comments.
func fill(text string) (string, error) {
	profiles, err := known()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	found := false
	for {
		before, rest, ok := strings.Cut(text, opening)
		b.WriteString(before)
		if !ok {
			break
		}
		found = true
		word, rest, ok := strings.Cut(rest, comment)
		if !ok {
			return "", fmt.Errorf("the comment %q is not closed", opening)
		}
		_, after, ok := strings.Cut(rest, closing)
		if !ok {
			return "", fmt.Errorf("there is no %q after %q", closing, opening+word+comment)
		}
		table, err := render(word, profiles)
		if err != nil {
			return "", err
		}
		b.WriteString(opening + word + comment + "\n\n" + table + "\n" + closing)
		text = after
	}
	if !found {
		return "", fmt.Errorf("there is no %q in it", opening)
	}
	return b.String(), nil
}

func known() ([]s3store.Profile, error) {
	var profiles []s3store.Profile
	var errs []error
	for _, name := range s3store.ServiceNames() {
		p, err := s3store.ProfileByName(name)
		profiles, errs = append(profiles, p), append(errs, err)
	}
	return profiles, errors.Join(errs...)
}

func render(word string, profiles []s3store.Profile) (string, error) {
	switch word {
	case "reach":
		return reach(profiles), nil
	case "access":
		return access(profiles), nil
	case "settings":
		return settings(profiles), nil
	case "locks":
		return locks(profiles), nil
	case "overview":
		return overview(profiles), nil
	case "matrix":
		return matrix.Table, nil
	}
	return "", fmt.Errorf("there is no table %q; the tables are reach, settings, locks, access, overview and matrix", word)
}

// table writes rows as Markdown; the first one is the heading.
func table(rows [][]string) string {
	var b bytes.Buffer
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(row)) + "\n")
		}
	}
	return b.String()
}
