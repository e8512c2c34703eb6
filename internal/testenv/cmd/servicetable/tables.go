package main

import (
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
	rows := [][]string{{"`service`", "Endpoint", "Versioning", "Encryption", "Public access block", "TLS only", "Lifecycle rules", "Policy", "Tags", "Object lock", "Access log"}}
	for _, p := range profiles {
		rows = append(rows, []string{
			"`" + p.Name + "`", endpoint(p), words[p.Supports(s3store.CapVersioning)], words[p.Supports(s3store.CapEncryption)],
			words[p.Supports(s3store.CapPublicAccessBlock)], words[p.Supports(s3store.CapRequireTLS)], lifecycle(p), policy(p),
			words[p.Supports(s3store.CapTags)], words[p.Supports(s3store.CapObjectLock)], words[p.Supports(s3store.CapLogging)],
		})
	}
	return table(rows)
}

func endpoint(p s3store.Profile) string {
	switch {
	case p.EndpointRequired:
		return "you give it"
	case p.Endpoint == "":
		return "built in"
	}
	return "`" + p.Endpoint + "`"
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
	if len(lacking) == 0 || len(lacking) == len(rules) {
		return whole
	}
	return whole + ", but not " + strings.Join(lacking, ", ")
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
		link := s.URL
		if url, note, ok := strings.Cut(s.URL, " "); ok {
			link = "<" + strings.TrimSuffix(url, ",") + "> " + note
		} else {
			link = "<" + link + ">"
		}
		out = append(out, link+", "+s.Date)
	}
	if len(out) == 0 {
		return "nothing: every bucket is asked"
	}
	return strings.Join(out, "; ")
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
