package provider

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendfile"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// addBackendError adds an error of the packages that render and write backend configurations, at
// the attribute that it is about.
func addBackendError(diags *diag.Diagnostics, summary string, err error) {
	var (
		credential *backendcfg.CredentialError
		field      *backendcfg.FieldError
		lock       *backendcfg.LockError
		conf       *s3store.ConfigError
		exists     *backendcfg.ExistsError
		outside    *backendcfg.OutsideRootError
		place      *backendcfg.PathError
		missing    *backendfile.MissingError
	)
	switch {
	case errors.As(err, &credential):
		// Not at the attribute: the CLI would print the line of the configuration, and the secret.
		diags.AddError("Credential in Backend Configuration", period(err.Error()))
	case errors.As(err, &field):
		diags.AddAttributeError(backendPath(field.Field), "Invalid Backend Configuration", period(err.Error()))
	case errors.As(err, &lock):
		diags.AddAttributeError(path.Root("lock"), "Backend Lock Not Available", period(err.Error()))
	case errors.As(err, &conf):
		diags.AddAttributeError(backendPath(conf.Field), "Invalid Backend Configuration", period(conf.Problem))
	case errors.As(err, &exists):
		diags.AddAttributeError(path.Root("if_exists"), "Backend Configuration Exists", period(err.Error()))
	case errors.As(err, &outside):
		diags.AddAttributeError(path.Root("path"), "Path Outside of the Root", period(err.Error()))
	case errors.As(err, &place), errors.As(err, &missing):
		diags.AddAttributeError(path.Root("path"), summary, period(err.Error()))
	default:
		diags.AddError(summary, period(err.Error()))
	}
}

// period ends a text that starts with the name of a file or an attribute, which stay as they are.
func period(s string) string {
	if strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

var remoteField = regexp.MustCompile(`^remote_states\["([^"]*)"\]\.?([a-z_]*)`)

// backendPath finds the attribute that an engine's name of a setting stands for.
func backendPath(field string) path.Path {
	if m := remoteField.FindStringSubmatch(field); m != nil {
		p := path.Root("remote_states").AtMapKey(m[1])
		if _, ok := remoteStateType.AttrTypes[m[2]]; ok {
			p = p.AtName(m[2])
		}
		return p
	}
	if field == "ca_bundle" {
		field = "custom_ca_bundle"
	}
	if name, ok := strings.CutPrefix(field, "assume_role."); ok {
		if name, _, _ = strings.Cut(name, "["); assumeRoleType[name] != nil {
			return path.Root("s3").AtName("assume_role").AtName(name)
		}
	}
	if name, ok := strings.CutPrefix(field, "pg."); ok && pgType[name] != nil {
		return path.Root("pg").AtName(name)
	}
	for prefix, types := range map[string]map[string]attr.Type{"http": httpType, "pulumi": pulumiType, "lock_database": lockDatabaseType} {
		if name, ok := strings.CutPrefix(field, prefix+"."); ok {
			if name, _, _ = strings.Cut(strings.ReplaceAll(name, "[", "."), "."); types[name] != nil {
				return path.Root(prefix).AtName(name)
			}
			return path.Root(prefix)
		}
	}
	name, _, _ := strings.Cut(field, ".")
	if s3Type[name] != nil {
		return path.Root("s3").AtName(name)
	}
	return path.Root(name)
}

// backendWarnings are the engine's warnings by code: what they are called, and the attribute that
// they are about.
var backendWarnings = map[string]struct {
	summary string
	at      path.Path
}{
	"lock_none":             {"State Not Locked", path.Root("lock")},
	"lock_unavailable":      {"State Not Locked", path.Root("lock")},
	"lockfile_experimental": {"Lock File Is Experimental", path.Root("lock")},
	"lockfile_unproven":     {"Lock File Not Proven", path.Root("lock")},
	"dynamodb_deprecated":   {"Lock Table Is Deprecated", path.Root("dynamodb_table")},
	"argument_unavailable":  {"Backend Argument Not Available", path.Root("tool_version")},
	"http_unlocked":         {"State Not Locked", path.Root("http")},
	"http_unverified":       {"Server Not Verified", path.Root("http").AtName("skip_cert_verification")},

	"pulumi_version_broken":    {"Pulumi Version With Problems", path.Root("pulumi").AtName("tool_version")},
	"pulumi_version_checksums": {"Pulumi Version With Problems", path.Root("pulumi").AtName("tool_version")},
	"pulumi_version_digest":    {"Pulumi Version With Problems", path.Root("pulumi").AtName("tool_version")},

	"checksum_environment": {"Backend Needs the Environment", path.Root("s3")},
}

// addBackendWarnings adds what works and should be known all the same. There is one warning for
// each summary, since the CLI shows only the first of several that are called the same.
func addBackendWarnings(diags *diag.Diagnostics, warnings []backendcfg.Warning) {
	var order []string
	messages := map[string][]string{}
	for _, w := range warnings {
		if messages[w.Code] == nil {
			order = append(order, w.Code)
		}
		messages[w.Code] = append(messages[w.Code], w.Message)
	}
	for _, code := range order {
		text := strings.Join(messages[code], "\n\n")
		if known, ok := backendWarnings[code]; ok {
			diags.AddAttributeWarning(known.at, known.summary, text)
		} else {
			diags.AddWarning("Backend Configuration", text)
		}
	}
}

// addShadows adds what keeps a file from being used. It is an error where the file is about to be
// written, apart from the override by which people bootstrap; else a warning.
func addShadows(diags *diag.Diagnostics, shadows []backendcfg.Shadow, err error, writing bool) {
	var warnings []string
	for _, s := range shadows {
		bootstrap := s.Kind == backendcfg.ShadowOverride && s.Type == "local"
		if writing && !bootstrap {
			diags.AddAttributeError(path.Root("path"), "Backend Configuration Shadowed", s.Message)
		} else {
			warnings = append(warnings, s.Message)
		}
	}
	if len(warnings) > 0 {
		diags.AddAttributeWarning(path.Root("path"), "Backend Configuration Shadowed", strings.Join(warnings, "\n\n"))
	}
	if err != nil {
		diags.AddAttributeWarning(path.Root("path"), "Neighbouring Configuration Not Read",
			fmt.Sprintf("Whether something shadows this backend configuration is not certain: %s", period(err.Error())))
	}
}
