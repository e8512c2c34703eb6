package matrix

import (
	"fmt"
	"slices"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// demand is how a configuration asks for one thing. A line that starts with a setting's name and a dot
// stands inside of that setting.
type demand struct {
	code s3store.Capability
	line string
}

// demanded is everything that a bucket can be asked for.
func (c *cell) demanded(bucket string) []demand {
	resource := "arn:aws:s3:::" + bucket + "/never/*"
	if c.profile().Dialect == s3store.DialectScaleway {
		resource = bucket + "/never/*"
	}
	all := []demand{
		{s3store.CapVersioning, "versioning = true"},
		{s3store.CapEncryption, `encryption = { algorithm = "AES256" }`},
		{s3store.CapPublicAccessBlock, "block_public_access = true"},
		{s3store.CapRequireTLS, "require_tls = true"},
		{s3store.CapLifecycleNoncurrent, "lifecycle_rules.noncurrent_expiration_days = 30"},
		{s3store.CapLifecycleVersionsToKeep, "lifecycle_rules.noncurrent_versions_to_keep = 4"},
		{s3store.CapLifecycleAbortUploads, "lifecycle_rules.abort_incomplete_uploads_days = 3"},
		{s3store.CapLifecycleDeleteMarkers, "lifecycle_rules.expire_delete_markers = true"},
		{s3store.CapLifecycleExpirations, `lifecycle_rules.expirations = { ".pulumi/backups/" = 20 }`},
		{s3store.CapPolicy, fmt.Sprintf(`policy = jsonencode({ Statement = [{ Sid = "Demanded", Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = %q }] })`, resource)},
		{s3store.CapTags, `tags = { demanded = "yes" }`},
		{s3store.CapObjectLock, `object_lock = { mode = "GOVERNANCE", days = 1 }`},
		{s3store.CapLogging, fmt.Sprintf("logging = { target_bucket = %q, target_prefix = \"states/\" }", c.logs)},
	}
	if c.profile().IsAWS {
		all[1].line = `encryption = { algorithm = "aws:kms", kms_key_id = "alias/states" }`
	}
	return slices.DeleteFunc(all, func(d demand) bool { return slices.Contains(c.drops, string(d.code)) })
}

// block writes a bucket that is asked for some of it.
func (c *cell) block(label, bucket string, adopt bool, of ...demand) string {
	var b strings.Builder
	fmt.Fprintf(&b, "resource \"groundwork_state_bucket\" %q {\n  name = %q\n  deletion_protection = false\n", label, bucket)
	if adopt {
		b.WriteString("  adopt_existing = true\n")
	}
	var rules []string
	for _, d := range of {
		rule, inside := strings.CutPrefix(d.line, "lifecycle_rules.")
		if inside {
			rules = append(rules, rule)
			continue
		}
		b.WriteString("  " + d.line + "\n")
		if d.code == s3store.CapPolicy && c.profile().Dialect == s3store.DialectScaleway {
			b.WriteString("  caller_principal = \"application_id:11111111-2222-3333-4444-555555555555\"\n")
		}
	}
	if len(rules) > 0 {
		b.WriteString("  lifecycle_rules = {\n    " + strings.Join(rules, "\n    ") + "\n  }\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// demands asks for everything, lock objects included. What was found to be lacking, or what the
// profile says is, must be refused when it is planned: a setting that somebody wrote down is never
// left out. All the rest must be on the server afterwards, for a client that knows nothing of
// groundwork; and what nobody knows must be one or the other.
func (c *cell) demands(found Outcome) (refused []string) {
	bucket := testenv.BucketName(c.t)
	lacking, open, kept := c.sorted(found, bucket)
	cli := c.in("demands")
	header, _, _ := strings.Cut(c.read("import/main.tf"), "import {")

	text := header
	for _, d := range lacking {
		text += c.block(strings.ReplaceAll(string(d.code), ".", "-"), c.bucket, true, d)
	}
	if found.Lock != "lockfile" {
		text += fmt.Sprintf("resource \"groundwork_backend_config_file\" \"x\" {\n  path = \"backend.tf\"\n  lock = \"lockfile\"\n  s3 = { bucket = %q, key = \"x.tfstate\" }\n}\n", c.bucket)
		refused = append(refused, "lockfile")
	}
	c.write("demands/main.tf", text)
	cli.Must("init")
	if text != header {
		result := cli.Run("plan")
		said := oneLine(result.Output())
		if result.ExitCode != 1 || found.Lock != "lockfile" && !strings.Contains(said, "with groundwork_backend_config_file.x") {
			c.t.Errorf("not all was refused: exit code %d\n%s", result.ExitCode, result.Output())
		}
		for _, d := range lacking {
			if !strings.Contains(said, "does not support "+string(d.code)+" (") {
				c.t.Errorf("%s was not refused by the plan:\n%s", d.code, result.Output())
			}
			refused = append(refused, string(d.code))
		}
	}

	set := func(of []demand) string { return header + c.block("all", bucket, false, of...) }
	c.write("demands/main.tf", set(kept))
	cli.Must("apply", "-auto-approve")
	c.unchanged(cli)
	for _, d := range open {
		c.write("demands/main.tf", set(append(slices.Clone(kept), d)))
		result := cli.Run("apply", "-auto-approve")
		switch {
		case result.ExitCode == 0:
			kept = append(kept, d)
		case strings.Contains(oneLine(result.Output()), "does not support "+string(d.code)):
			refused = append(refused, string(d.code))
		default:
			c.t.Errorf("%s was neither set nor refused: exit code %d\n%s", d.code, result.ExitCode, result.Output())
		}
	}
	c.write("demands/main.tf", set(kept))
	c.unchanged(cli)
	shown := c.shows(bucket, written{noncurrent: 30, keep: 4, abort: 3, expire: 20})
	for _, d := range kept {
		if !shown[d.code] {
			c.t.Errorf("%s was demanded and not refused, and is not on the server", d.code)
		}
	}
	cli.Must("destroy", "-auto-approve")
	return refused
}

// sorted tells what is demanded apart: what is lacking, what only the service can tell, and what must
// be there.
func (c *cell) sorted(found Outcome, bucket string) (lacking, open, kept []demand) {
	all := c.demanded(bucket)
	for _, code := range found.Lacks {
		if !slices.ContainsFunc(all, func(d demand) bool { return string(d.code) == code }) {
			c.t.Fatalf("the suite does not know how to demand %s", code)
		}
	}
	hardened := []s3store.Capability{
		s3store.CapVersioning, s3store.CapEncryption, s3store.CapPublicAccessBlock, s3store.CapRequireTLS,
		s3store.CapLifecycleNoncurrent, s3store.CapLifecycleAbortUploads, s3store.CapLifecycleDeleteMarkers,
	}
	for _, d := range all {
		p, lacks := c.profile(), slices.Contains(found.Lacks, string(d.code))
		knows := p.Supports(d.code)
		if c.ca == "" && d.code == s3store.CapRequireTLS {
			knows = s3store.Unsupported
		}
		switch {
		case knows == s3store.Unsupported:
			lacking = append(lacking, d)
		case knows == s3store.Supported, slices.Contains(hardened, d.code) && !lacks,
			d.code == s3store.CapObjectLock: // which some services take for a new bucket only
			kept = append(kept, d)
		default:
			open = append(open, d)
		}
	}
	return lacking, open, kept
}

func (c *cell) profile() s3store.Profile {
	p, err := s3store.ProfileByName(c.service)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}
