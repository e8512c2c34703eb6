package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// words are how a table says what a profile says.
var words = map[s3store.Support]string{
	s3store.Supported: "yes", s3store.Unsupported: "no", s3store.Unknown: "asked",
}

// settings has a row for each service and a column for each setting of a bucket.
func settings(profiles []s3store.Profile) string {
	rows := [][]string{{"`service`", "Versioning", "Encryption", "Public access block", "TLS only", "Lifecycle rules", "Policy", "Tags", "Object lock", "Access log"}}
	for _, p := range profiles {
		rows = append(rows, []string{
			"`" + p.Name + "`", words[p.Supports(s3store.CapVersioning)], words[p.Supports(s3store.CapEncryption)],
			words[p.Supports(s3store.CapPublicAccessBlock)], words[p.Supports(s3store.CapRequireTLS)], lifecycle(p), policy(p),
			words[p.Supports(s3store.CapTags)], words[p.Supports(s3store.CapObjectLock)], words[p.Supports(s3store.CapLogging)],
		})
	}
	return table(rows)
}

// reach has a row for each service on where it is and how it is spoken to.
func reach(profiles []s3store.Profile) string {
	rows := [][]string{{"`service`", "Service", "Endpoint", "Regions", "Bucket in the", "Its own variables for keys", "Checksums that trail a body"}}
	for _, p := range profiles {
		rows = append(rows, []string{
			"`" + p.Name + "`", p.DisplayName, endpoint(p), regions(p), addressing(p), variables(p), trailing(p),
		})
	}
	return table(rows)
}

func endpoint(p s3store.Profile) string {
	out := "`" + p.Endpoint + "`"
	switch {
	case p.EndpointLike != "":
		out = "you give it: `" + p.EndpointLike + "`"
	case p.EndpointRequired:
		return "you give it"
	case p.Endpoint == "":
		return "built in"
	}
	for _, region := range slices.Sorted(maps.Keys(p.RegionEndpoints)) {
		out += "; `" + region + "`: `" + p.RegionEndpoints[region] + "`"
	}
	for _, other := range p.OtherEndpoints {
		out += "; `" + other.URL + "`"
	}
	return out
}

func regions(p s3store.Profile) string {
	if len(p.Regions) > 0 {
		return quoted(p.Regions)
	}
	if p.DefaultRegion != "" {
		return "any, `" + p.DefaultRegion + "` unless you name one"
	}
	return "you name it"
}

func addressing(p s3store.Profile) string {
	if p.PathStyle {
		return "path"
	}
	return "host name"
}

func variables(p s3store.Profile) string {
	if len(p.AccessKeyVars) == 0 {
		return "none"
	}
	return quoted(slices.Concat(p.AccessKeyVars, p.SecretKeyVars))
}

// trailing says whether the tools have to be told by environment variables to leave them.
func trailing(p s3store.Profile) string {
	return map[s3store.Support]string{
		s3store.Supported: "taken", s3store.Unsupported: "refused", s3store.Unknown: "not documented", "": "not documented",
	}[p.TrailingChecksums]
}

func quoted(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// access says for each service that keeps it elsewhere how people are let into a bucket.
func access(profiles []s3store.Profile) string {
	var b strings.Builder
	for _, p := range profiles {
		g, ok := p.Guide("BUCKET")
		if !ok {
			continue
		}
		fmt.Fprintf(&b, "**%s** (`%s`): %s.\n\n", p.DisplayName, p.Name, g.Where)
		for _, line := range [][2]string{
			{s3store.AccessReadOnly, g.ReadOnly}, {s3store.AccessReadWrite, g.ReadWrite}, {s3store.AccessAdmin, g.Admin}, {"a prefix only", g.Narrower},
		} {
			fmt.Fprintf(&b, "- %s: %s\n", line[0], strings.ReplaceAll(line[1], "*", `\*`)) // or Markdown would take it for emphasis
		}
		fmt.Fprintf(&b, "- known from %s\n\n", source(g.Source))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func policy(p s3store.Profile) string {
	word := words[p.Supports(s3store.CapPolicy)]
	if word == "no" {
		return word
	}
	switch p.Dialect {
	case s3store.DialectAWS:
		return word + ", as on AWS"
	case s3store.DialectScaleway:
		return word + ", Scaleway's own"
	case s3store.DialectKeys:
		return word + ", as on AWS with access keys for principals"
	}
	return word
}

// rules are the parts of lifecycle_rules.
var rules = []s3store.Capability{
	s3store.CapLifecycleNoncurrent, s3store.CapLifecycleVersionsToKeep, s3store.CapLifecycleAbortUploads,
	s3store.CapLifecycleDeleteMarkers, s3store.CapLifecycleExpirations,
}

func lifecycle(p s3store.Profile) string {
	whole := words[p.Supports(s3store.CapLifecycle)]
	var lacking []string
	for _, c := range rules {
		if p.Supports(c) == s3store.Unsupported {
			lacking = append(lacking, "`"+strings.TrimPrefix(string(c), string(s3store.CapLifecycle)+".")+"`")
		}
	}
	if 0 < len(lacking) && len(lacking) < len(rules) {
		whole += ", but not " + strings.Join(lacking, ", ")
	}
	return whole + elsewhere(p)
}

// elsewhere names the endpoints of a service at which there are no lifecycle rules, although there are
// at its own.
func elsewhere(p s3store.Profile) string {
	var without []string
	for _, other := range p.OtherEndpoints {
		if other.Calls[s3store.CapLifecycle] == s3store.Unsupported {
			without = append(without, other.URL)
		}
	}
	if len(without) == 0 {
		return ""
	}
	return "; none at " + quoted(without)
}

// locks has a row for each service on whether a state can be locked in the bucket itself.
func locks(profiles []s3store.Profile) string {
	rows := [][]string{{"`service`", "States locked by an object in the bucket", "Why", "Known from"}}
	for _, p := range profiles {
		rows = append(rows, []string{"`" + p.Name + "`", verdict(p), p.LockReason, sources(p)})
	}
	return table(rows)
}

func verdict(p s3store.Profile) string {
	switch p.Lock {
	case s3store.LockSafe:
		return "yes, and proved on each new bucket"
	case s3store.LockUnsafe:
		return "no"
	}
	return "what the probe finds"
}

func sources(p s3store.Profile) string {
	var out []string
	for _, s := range p.Sources {
		out = append(out, source(s))
	}
	if len(out) == 0 {
		return "nothing: every bucket is asked"
	}
	return strings.Join(out, "; ")
}

func source(s s3store.Source) string {
	link := "<" + s.URL + ">"
	if url, note, ok := strings.Cut(s.URL, " "); ok {
		link = "<" + strings.TrimSuffix(url, ",") + "> " + note
	}
	return link + ", " + s.Date
}

// hardening is what groundwork switches on by itself.
var hardening = []s3store.Capability{
	s3store.CapVersioning, s3store.CapEncryption, s3store.CapPublicAccessBlock, s3store.CapRequireTLS,
	s3store.CapLifecycleNoncurrent, s3store.CapLifecycleAbortUploads, s3store.CapLifecycleDeleteMarkers,
}

// overview has a row for each service with what it lacks and how that is known.
func overview(profiles []s3store.Profile) string {
	rows := [][]string{{"`service`", "Hardening that it lacks", "Locks", "How this is known"}}
	for _, p := range profiles {
		rows = append(rows, []string{"`" + p.Name + "`", lacks(p), verdict(p), evidence(p)})
	}
	return table(rows)
}

func lacks(p s3store.Profile) string {
	var missing, asked []string
	for _, c := range hardening {
		name := "`" + string(c) + "`"
		switch p.Supports(c) {
		case s3store.Unsupported:
			missing = append(missing, name)
		case s3store.Unknown:
			asked = append(asked, name)
		}
	}
	var out []string
	switch {
	case len(asked) == len(hardening):
		return "asked of the live bucket"
	case len(missing) == 0:
		out = append(out, "nothing")
	default:
		out = append(out, strings.Join(missing, ", "))
	}
	if len(asked) > 0 {
		out = append(out, "asked of the live bucket: "+strings.Join(asked, ", "))
	}
	return strings.Join(out, "; ")
}

func evidence(p s3store.Profile) string {
	measured := slices.ContainsFunc(p.Sources, func(s s3store.Source) bool { return strings.Contains(s.URL, "measured") })
	switch {
	case measured:
		return "measured on a real server"
	case len(p.Sources) > 0:
		return "from its documentation; not run against the live service"
	}
	return "nothing is known beforehand"
}
