package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/location"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// Code is the exit code of the process. The codes are stable.
type Code int

// The exit codes. 2 is kept free for commands that compare and find a difference, as in diff and in
// terraform plan -detailed-exitcode.
const (
	// CodeDone means that what was asked for was done.
	CodeDone Code = 0
	// CodeError means that it failed.
	CodeError Code = 1
	// CodeUsage means that the command line or the configuration cannot be meant.
	CodeUsage Code = 3
	// CodeNotFound means that what was named does not exist.
	CodeNotFound Code = 10
	// CodeLocked means that somebody else holds the lock.
	CodeLocked Code = 11
	// CodeInterrupted means that the run was interrupted.
	CodeInterrupted Code = 130
)

var codes = []struct {
	code          Code
	name, meaning string
}{
	{CodeDone, "done", "done"},
	{CodeError, "error", "it failed"},
	{CodeUsage, "usage", "the command line or the configuration cannot be meant"},
	{CodeNotFound, "not_found", "what was named does not exist"},
	{CodeLocked, "locked", "somebody else holds the lock"},
	{CodeInterrupted, "interrupted", "interrupted"},
}

// codesText is the part of the help about exit codes.
func codesText() string {
	var b strings.Builder
	for _, c := range codes {
		fmt.Fprintf(&b, "    %3d  %s\n", c.code, c.meaning)
	}
	return strings.TrimRight(b.String(), "\n")
}

// name is how errors in JSON call the code; exec ends with codes of its child, which have none.
func (c Code) name() string {
	for _, known := range codes {
		if known.code == c {
			return known.name
		}
	}
	return "error"
}

// UsageError is a command line that cannot be meant.
type UsageError struct {
	// Command is the command's full name.
	Command string
	// Problem says what is wrong.
	Problem string
}

// Error says what is wrong.
func (e *UsageError) Error() string { return e.Problem }

// ExitError ends the process with a code and, if Err is nil, without another word.
type ExitError struct {
	Code Code
	Err  error
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap gives the reason.
func (e *ExitError) Unwrap() error { return e.Err }

// HintError is an error with the next command to run.
type HintError struct {
	Err  error
	Hint string
}

// Error implements error.
func (e *HintError) Error() string { return e.Err.Error() }

// Unwrap gives the error.
func (e *HintError) Unwrap() error { return e.Err }

// codeOf finds the exit code that belongs to an error.
func codeOf(err error) Code {
	var exit *ExitError
	var usage *UsageError
	var unknown *location.Error
	switch {
	case err == nil:
		return CodeDone
	case errors.As(err, &exit):
		return exit.Code
	case errors.As(err, &usage), errors.As(err, &unknown), pglock.IsConfigError(err), s3store.IsConfigError(err):
		return CodeUsage
	case errors.Is(err, lease.ErrHeld):
		return CodeLocked
	case errors.Is(err, context.Canceled):
		return CodeInterrupted
	case errors.Is(err, pglock.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, s3store.ErrNotFound),
		errors.Is(err, dynamolock.ErrNotFound):
		return CodeNotFound
	}
	return CodeError
}

// hintOf gives the next thing to do, empty when nothing is known.
func hintOf(err error) string {
	var hint *HintError
	var usage *UsageError
	switch {
	case errors.As(err, &hint):
		return hint.Hint
	case errors.As(err, &usage) && usage.Command != "":
		return "See " + usage.Command + " --help"
	}
	if text := lockHint(err); text != "" {
		return text
	}
	if text := pglock.Hint(err); text != "" {
		return text
	}
	if text := dynamolock.Hint(err); text != "" {
		return text
	}
	return s3store.Hint(err)
}

// ErrorDocument is an error in JSON or YAML mode, on standard error.
type ErrorDocument struct {
	FormatVersion string      `json:"format_version"`
	Error         ErrorDetail `json:"error"`
}

// ErrorDetail says what failed.
type ErrorDetail struct {
	// Code is the exit code, Kind its name: error, usage, not_found, locked, interrupted.
	Code Code   `json:"code"`
	Kind string `json:"kind"`
	// Message says what failed, on what, and why; Hint what to do next, if that is known.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// finish shows an error and returns the exit code.
func (a *App) finish(err error) int {
	code := codeOf(err)
	var exit *ExitError
	if err == nil || (errors.As(err, &exit) && exit.Err == nil) {
		return int(code)
	}
	message, hint := err.Error(), hintOf(err)
	if a.format != FormatTable {
		doc := ErrorDocument{FormatVersion, ErrorDetail{code, code.name(), message, hint}}
		enc := json.NewEncoder(a.Stderr)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(doc)
		return int(code)
	}
	_, _ = fmt.Fprintln(a.Stderr, "Error: "+message)
	if hint != "" {
		_, _ = fmt.Fprintln(a.Stderr, "\n"+hint)
	}
	return int(code)
}
