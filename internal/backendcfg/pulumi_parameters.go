package backendcfg

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-version"
)

const postgresScheme = "postgres"

// pulumiParameter is one in the query of an s3 address.
type pulumiParameter struct {
	// since is the first version that knows it, nil for all.
	since *version.Version
	check func(string) error
	// set says which setting of its own stands for it.
	set string
}

// pulumiParameters are all that the CLI accepts for s3. Before 3.245 it is those
// of gocloud.dev 0.37 over version 1 of AWS's SDK, and from then on those of
// gocloud.dev 0.46 over version 2; anything else is refused by the CLI.
var pulumiParameters = map[string]pulumiParameter{
	"region":                       {set: "region"},
	"endpoint":                     {set: "endpoint"},
	"profile":                      {set: "profile"},
	"s3ForcePathStyle":             {set: "use_path_style", check: isBool},
	"use_path_style":               {set: "use_path_style", since: pulumi3245, check: isBool},
	"disableSSL":                   {set: "endpoint", check: isBool},
	"disable_https":                {set: "endpoint", since: pulumi3245, check: isBool},
	"awssdk":                       {check: oneOf("v1", "v2")},
	"ssetype":                      {check: oneOf("aes256", "aws:kms", "aws:kms:dsse")},
	"kmskeyid":                     {},
	"accelerate":                   {since: pulumi3245, check: isBool},
	"anonymous":                    {since: pulumi3245, check: isBool},
	"dualstack":                    {since: pulumi3245, check: isBool},
	"fips":                         {since: pulumi3245, check: isBool},
	"hostname_immutable":           {since: pulumi3245, check: isBool},
	"rate_limiter_capacity":        {since: pulumi3245, check: isCount},
	checksumParameter:              {since: pulumi3245, check: oneOf("when_supported", "when_required")},
	"response_checksum_validation": {since: pulumi3245, check: oneOf("when_supported", "when_required")},
	// 3.245 to 3.255 know it, and lose some of the other parameters beside it, not always the same.
	"role": {since: pulumi3256, check: isARN},
}

func isBool(v string) error {
	if _, err := strconv.ParseBool(v); err != nil {
		return fmt.Errorf("is %q; use true or false", v)
	}
	return nil
}

func isCount(v string) error {
	if n, err := strconv.ParseInt(v, 10, 32); err != nil || n < 0 {
		return fmt.Errorf("is %q; use a whole number", v)
	}
	return nil
}

func isARN(v string) error {
	if !strings.HasPrefix(v, "arn:") {
		return fmt.Errorf("is %q; write the role's ARN", v)
	}
	return nil
}

func oneOf(values ...string) func(string) error {
	return func(v string) error {
		// The CLI compares ssetype without case.
		if slices.Contains(values, strings.ToLower(v)) {
			return nil
		}
		return fmt.Errorf("is %q; use %s", v, strings.Join(values, ", "))
	}
}

// PulumiParameterNames are the names that PulumiS3.Parameters may have with the
// CLI of a version, sorted.
func PulumiParameterNames(v *version.Version) []string {
	var out []string
	for name, p := range pulumiParameters {
		if p.set == "" && name != "awssdk" && (p.since == nil || pulumiSince(v, p.since)) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func checkPulumiParameters(parameters map[string]string, v *version.Version) error {
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		field := "parameters[" + strconv.Quote(name) + "]"
		p, known := pulumiParameters[name]
		refuse := func(reason string) error { return &FieldError{Field: field, Reason: reason} }
		switch {
		case !known || name == "awssdk":
			return refuse("is not known to Pulumi, which refuses it; it knows " + strings.Join(PulumiParameterNames(v), ", "))
		case p.set != "":
			return refuse("is a setting of its own: set " + p.set)
		case p.since != nil && !pulumiSince(v, p.since):
			return refuse(fmt.Sprintf("is known to Pulumi since %s, and this is for %s, which refuses it; leave it out", p.since, v))
		}
		if err := checkText(field, parameters[name]); err != nil {
			return err
		}
		if p.check != nil {
			if err := p.check(parameters[name]); err != nil {
				return refuse(err.Error())
			}
		}
	}
	return nil
}

// postgresSecrets are parameters of the driver's that are, or lead to, an identity.
var postgresSecrets = []string{"user", "password", "sslpassword"}

// checkPostgresParameter refuses credentials; which other parameters there are is
// the driver's and the server's business, since search_path and the like pass through.
func checkPostgresParameter(field, name, value string) error {
	if slices.Contains(postgresSecrets, strings.ToLower(name)) || secretName(name) {
		return &CredentialError{Field: field, Kind: "a credential, by its name"}
	}
	if name == "" {
		return &FieldError{Field: field, Reason: "has no name"}
	}
	if err := checkText(field, name); err != nil {
		return err
	}
	return checkText(field, value)
}

// PulumiWarnings are what is known to go wrong between a version of the CLI and a
// bucket at endpoint; an unknown version and AWS have none.
func PulumiWarnings(v *version.Version, endpoint string) []Warning {
	if v == nil || endpoint == "" {
		return nil
	}
	warn := func(code, format string, a ...any) []Warning {
		return []Warning{{code, fmt.Sprintf(format, a...)}}
	}
	switch {
	case v.Core().LessThan(pulumi3245), pulumiSince(v, pulumi3258):
		return nil
	case v.Core().LessThan(pulumi3246):
		return warn("pulumi_version_broken", "Pulumi %s names the source of a copy in a way that services other than AWS may not find, "+
			"so that a stack cannot be written a second time: use 3.258.0 or newer, or 3.244 or older.", v)
	case v.Core().LessThan(pulumi3256):
		return warn("pulumi_version_checksums", "Pulumi %s sends checksums that some services refuse; the address says when_required, which stops it. "+
			"3.258.0 and newer need no such parameter.", v)
	}
	return warn("pulumi_version_digest", "Pulumi %s sends a word in the place of a checksum, which MinIO and Cloudflare R2, for two, refuse. The address says when_supported, "+
		"which makes it send real ones; services that refuse those as well need 3.258.0 or newer, or 3.244 or older.", v)
}
