package provider

import (
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/awsclient"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// addError adds an engine's error: summary says what could not be done, in general; the detail
// says what happened, on what, and what to do next.
func addError(diags *diag.Diagnostics, summary string, err error) {
	addEngineError(diags, summary, err, s3store.Hint(err))
}

// addPostgresError adds an error of the lock engine, if it is one.
func addPostgresError(diags *diag.Diagnostics, summary string, err error) {
	addEngineError(diags, summary, err, pglock.Hint(err))
}

// addDynamoError adds an error of the lock engine, if it is one.
func addDynamoError(diags *diag.Diagnostics, summary string, err error) {
	addEngineError(diags, summary, err, dynamolock.Hint(err))
}

func addEngineError(diags *diag.Diagnostics, summary string, err error, hint string) {
	var aws *awsclient.ConfigError
	var pg *pglock.ConfigError
	switch {
	case err == nil:
	case errors.As(err, &aws):
		diags.AddError("Invalid Provider Configuration", settingProblem(aws))
	case errors.As(err, &pg):
		diags.AddError("Invalid Provider Configuration", settingProblem(pg))
	default:
		diags.AddError(summary, withHint(err, hint))
	}
}

// addAttributeError does the same where one attribute is at fault.
func addAttributeError(diags *diag.Diagnostics, at path.Path, summary string, err error) {
	diags.AddAttributeError(at, summary, errorDetail(err))
}

func errorDetail(err error) string { return withHint(err, s3store.Hint(err)) }

func withHint(err error, hint string) string {
	detail := sentence(err.Error())
	if hint != "" {
		detail += "\n\n" + hint
	}
	return detail
}

// settingProblem is about one setting, whose name stays as it is spelled.
func settingProblem(err error) string { return strings.TrimSuffix(err.Error(), ".") + "." }

// sentence turns an error, which Go starts in lower case, into one for people.
func sentence(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, ")") {
		return s
	}
	return s + "."
}
