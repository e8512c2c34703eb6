package provider

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

const bucketAddress = "groundwork_state_bucket.test"

// directStore reaches the shared server past the provider.
func directStore(t *testing.T) *s3store.Client {
	t.Helper()
	s := testenv.MinIO(t)
	c, err := s3store.New(t.Context(), s3store.Config{
		Service: "minio", Endpoint: s.Endpoint, Region: s.Region, AccessKey: s.AccessKey, SecretKey: s.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bucketTF is a configuration with one bucket that may be destroyed.
func bucketTF(t *testing.T, name, body string) string {
	t.Helper()
	return minioProviderBlock(t) + fmt.Sprintf(`
resource "groundwork_state_bucket" "test" {
  name                = %q
  deletion_protection = false
%s
}
`, name, body)
}

// checkBucketGone checks on the server that destroy destroyed.
func checkBucketGone(t *testing.T, name string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		_, err := directStore(t).Head(context.Background(), name) //nolint:usetesting // the test's own context is over by now
		if err == nil {
			return fmt.Errorf("bucket %s is still there", name)
		}
		if !errors.Is(err, s3store.ErrNotFound) {
			return err
		}
		return nil
	}
}

func observe(t *testing.T, name string) *s3store.Observed {
	t.Helper()
	o, err := directStore(t).Read(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func at(steps ...string) tfjsonpath.Path {
	p := tfjsonpath.New(steps[0])
	for _, s := range steps[1:] {
		p = p.AtMapKey(s)
	}
	return p
}

func stateIs(value knownvalue.Check, steps ...string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(bucketAddress, at(steps...), value)
}

func planIs(value knownvalue.Check, steps ...string) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue(bucketAddress, at(steps...), value)
}

var emptyAfter = resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}

func TestAccStateBucketDefaults(t *testing.T) {
	name := testenv.BucketName(t)
	endpoint := testenv.MinIO(t).Endpoint
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{{
			Config: bucketTF(t, name, ""),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(bucketAddress, plancheck.ResourceActionCreate),
					planIs(knownvalue.StringExact(name+"@us-east-1"), "id"),
					planIs(knownvalue.StringExact(endpoint), "endpoint"),
					planIs(knownvalue.StringExact("lockfile"), "lock_strategy"),
					planIs(knownvalue.Bool(true), "versioning"),
					planIs(knownvalue.Null(), "block_public_access"),
					planIs(knownvalue.Null(), "require_tls"),
					plancheck.ExpectUnknownValue(bucketAddress, at("encryption")),
				},
				PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
			},
			ConfigStateChecks: []statecheck.StateCheck{
				stateIs(knownvalue.StringExact("created"), "origin"),
				stateIs(knownvalue.StringExact("arn:aws:s3:::"+name), "arn"),
				stateIs(knownvalue.Bool(true), "versioning"),
				stateIs(knownvalue.StringExact("AES256"), "encryption", "algorithm"),
				stateIs(knownvalue.Int64Exact(90), "lifecycle_rules", "noncurrent_expiration_days"),
				stateIs(knownvalue.Bool(true), "lifecycle_rules", "expire_delete_markers"),
				stateIs(knownvalue.Null(), "lifecycle_rules", "abort_incomplete_uploads_days"),
				stateIs(knownvalue.SetExact([]knownvalue.Check{
					knownvalue.StringExact("public_access_block"), knownvalue.StringExact("require_tls"),
					knownvalue.StringExact("lifecycle.abort_incomplete_uploads_days"),
				}), "unsupported"),
				stateIs(knownvalue.StringExact("supported"), "capabilities", "conditional_put_concurrent"),
				stateIs(knownvalue.StringExact("lockfile"), "lock_strategy"),
			},
			Check: func(*terraform.State) error {
				o := observe(t, name)
				if !o.VersioningEnabled() || o.Encryption == nil || *o.Lifecycle.Owned.NoncurrentExpirationDays != 90 {
					return fmt.Errorf("the bucket is not hardened: %+v", o)
				}
				for v, err := range directStore(t).Versions(t.Context(), name, "") {
					return fmt.Errorf("the probe left %q behind (%w)", v.Key, err)
				}
				return nil
			},
		}},
	})
}

func TestAccStateBucketUpdate(t *testing.T) {
	name := testenv.BucketName(t)
	full := `
  versioning = true
  encryption = { algorithm = "AES256" }
  tags       = { team = "platform", cost = "low" }
  lifecycle_rules = {
    noncurrent_expiration_days  = 30
    noncurrent_versions_to_keep = 5
    expire_delete_markers       = false
    expirations                 = { ".pulumi/backups/" = 30, "tmp/" = 1 }
  }
  access = [
    { level = "read-write", principals = ["arn:aws:iam::123456789012:role/ci"] },
    { level = "read-only", principals = ["arn:aws:iam::123456789012:role/audit"], prefix = "infra/" },
  ]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid = "NoPolicyDelete", Effect = "Deny", Principal = "*",
      Action = "s3:DeleteBucketPolicy", Resource = "arn:aws:s3:::` + name + `"
    }]
  })`
	less := `
  versioning = false
  encryption = { algorithm = "none" }
  tags       = { team = "state" }
  access     = []
  policy     = jsonencode({ Version = "2012-10-17", Statement = [] })
  lifecycle_rules = {
    noncurrent_expiration_days = 0
    expire_delete_markers      = false
    expirations                = {}
  }`
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{
			{Config: bucketTF(t, name, ""), ConfigPlanChecks: emptyAfter},
			{
				Config: bucketTF(t, name, full),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(bucketAddress, plancheck.ResourceActionUpdate)},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				Check: func(*terraform.State) error {
					o := observe(t, name)
					l := o.Lifecycle.Owned
					if *l.NoncurrentVersionsToKeep != 5 || l.Expirations["tmp/"] != 1 || o.Tags["cost"] != "low" {
						return fmt.Errorf("the bucket is %+v", o)
					}
					if got := directStore(t).ObservedAccess(name, "us-east-1", o.Policy); len(got) != 2 {
						return fmt.Errorf("access is %+v in %s", got, o.Policy)
					}
					if _, ok := o.Policy.Find("NoPolicyDelete"); !ok {
						return errors.New("the raw statement is missing")
					}
					return nil
				},
			},
			{
				Config: bucketTF(t, name, less), ConfigPlanChecks: emptyAfter,
				Check: func(*terraform.State) error {
					o := observe(t, name)
					if o.VersioningEnabled() || o.Encryption != nil || len(o.Tags) != 1 || o.Tags["team"] != "state" || o.Policy != nil {
						return fmt.Errorf("the bucket is %+v", o)
					}
					if !o.Lifecycle.Owned.Equal(s3store.Lifecycle{}) {
						return fmt.Errorf("rules are left: %+v", o.Lifecycle.Owned)
					}
					return nil
				},
			},
			{ // Left out again: the hardening comes back, what is merely untouched stays away.
				Config: bucketTF(t, name, ""), ConfigPlanChecks: emptyAfter,
				ConfigStateChecks: []statecheck.StateCheck{
					stateIs(knownvalue.Bool(true), "versioning"),
					stateIs(knownvalue.StringExact("AES256"), "encryption", "algorithm"),
					stateIs(knownvalue.Null(), "tags"),
				},
			},
		},
	})
}

func TestAccStateBucketDisappears(t *testing.T) {
	name := testenv.BucketName(t)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{
			{Config: bucketTF(t, name, "")},
			{
				PreConfig: func() {
					if err := directStore(t).DeleteBucket(t.Context(), name); err != nil {
						t.Fatal(err)
					}
				},
				Config: bucketTF(t, name, ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(bucketAddress, plancheck.ResourceActionCreate)},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
			},
		},
	})
}

// TestAccStateBucketDrift changes every setting outside, and expects each to be seen and repaired.
func TestAccStateBucketDrift(t *testing.T) {
	const declared = `
  tags            = { team = "platform" }
  lifecycle_rules = { noncurrent_versions_to_keep = 3, expirations = { "tmp/" = 2 } }
  access          = [{ level = "read-only", principals = ["arn:aws:iam::123456789012:role/audit"] }]
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Keep", Effect = "Deny", Principal = "*", Action = ["s3:DeleteBucketPolicy"], Resource = ["arn:aws:s3:::NAME"] }]
  })`
	off, thirty := false, int32(30)
	for _, c := range []struct {
		name     string
		outside  s3store.Settings
		repaired func(o *s3store.Observed) bool
	}{
		{"versioning", s3store.Settings{Versioning: &off}, func(o *s3store.Observed) bool { return o.VersioningEnabled() }},
		{"encryption", s3store.Settings{Encryption: &s3store.Encryption{Algorithm: s3store.EncryptionNone}}, func(o *s3store.Observed) bool { return o.Encryption != nil }},
		{"noncurrent days", s3store.Settings{Lifecycle: &s3store.Lifecycle{NoncurrentExpirationDays: &thirty}}, func(o *s3store.Observed) bool {
			return *o.Lifecycle.Owned.NoncurrentExpirationDays == 90
		}},
		{"versions to keep", s3store.Settings{Lifecycle: &s3store.Lifecycle{NoncurrentVersionsToKeep: new(int32)}}, func(o *s3store.Observed) bool {
			return *o.Lifecycle.Owned.NoncurrentVersionsToKeep == 3
		}},
		{"delete markers", s3store.Settings{Lifecycle: &s3store.Lifecycle{ExpireDeleteMarkers: &off}}, func(o *s3store.Observed) bool {
			return o.Lifecycle.Owned.ExpireDeleteMarkers != nil
		}},
		{"expirations", s3store.Settings{Lifecycle: &s3store.Lifecycle{Expirations: map[string]int32{"other/": 9}}}, func(o *s3store.Observed) bool {
			return o.Lifecycle.Owned.Expirations["tmp/"] == 2 && o.Lifecycle.Owned.Expirations["other/"] == 0
		}},
		{"tags", s3store.Settings{Tags: &s3store.TagChange{Set: map[string]string{"team": "nobody"}}}, func(o *s3store.Observed) bool { return o.Tags["team"] == "platform" }},
		{"tag removed", s3store.Settings{Tags: &s3store.TagChange{Remove: []string{"team"}}}, func(o *s3store.Observed) bool { return o.Tags["team"] == "platform" }},
		{"access", s3store.Settings{Access: &[]s3store.Access{}}, func(o *s3store.Observed) bool {
			_, ok := o.Policy.Find("groundwork-access-read-only-objects")
			return ok
		}},
		{"policy", s3store.Settings{Policy: &s3store.PolicyClaim{Remove: []string{"Keep"}}}, func(o *s3store.Observed) bool {
			_, ok := o.Policy.Find("Keep")
			return ok
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := testenv.BucketName(t)
			config := bucketTF(t, name, strings.ReplaceAll(declared, "NAME", name))
			resource.ParallelTest(t, resource.TestCase{
				ProtoV6ProviderFactories: protoV6Factories(),
				CheckDestroy:             checkBucketGone(t, name),
				Steps: []resource.TestStep{
					{Config: config, ConfigPlanChecks: emptyAfter},
					{
						PreConfig: func() {
							if _, err := directStore(t).Apply(t.Context(), name, c.outside, observe(t, name), s3store.Optional{}); err != nil {
								t.Fatal(err)
							}
						},
						Config: config,
						ConfigPlanChecks: resource.ConfigPlanChecks{
							PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(bucketAddress, plancheck.ResourceActionUpdate)},
							PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
						},
						Check: func(*terraform.State) error {
							if o := observe(t, name); !c.repaired(o) {
								return fmt.Errorf("not repaired: %+v", o)
							}
							return nil
						},
					},
				},
			})
		})
	}
}

func TestAccStateBucketImport(t *testing.T) {
	name := testenv.BucketName(t)
	config := bucketTF(t, name, `
  tags            = { team = "platform" }
  lifecycle_rules = { expirations = { "tmp/" = 2 } }
  access          = [{ level = "read-only", principals = ["arn:aws:iam::123456789012:role/audit"] }]`)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{
			{Config: config},
			{
				Config: config, ResourceName: bucketAddress, ImportState: true, ImportStateVerify: true,
				// Not stored on the server: how it came here, what it may do when destroyed, and
				// what was found out by trying.
				ImportStateVerifyIgnore: []string{"origin", "deletion_protection", "capabilities", "unsupported"},
			},
			{Config: config, ResourceName: bucketAddress, ImportState: true, ImportStateId: name, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"origin", "deletion_protection", "capabilities", "unsupported"}},
			{Config: config, ResourceName: bucketAddress, ImportState: true, ImportStateId: "Not A Bucket@x", ExpectError: regexp.MustCompile(`(?s)Invalid Import ID.*my-states@fr-par`)},
			{Config: config, ResourceName: bucketAddress, ImportState: true, ImportStateId: "tfacc-not-there@us-east-1", ExpectError: regexp.MustCompile(`Cannot import non-existent remote object`)},
		},
	})
}

// TestAccStateBucketImportForeign imports a bucket that others have set up and use.
func TestAccStateBucketImportForeign(t *testing.T) {
	name := testenv.BucketName(t)
	before := foreignBucket(t, name)
	importing := minioProviderBlock(t) + fmt.Sprintf(`
import {
  to = groundwork_state_bucket.test
  id = "%[1]s@us-east-1"
}
resource "groundwork_state_bucket" "test" {
  name = %[1]q
  tags = { owner = "somebody" }
}
`, name)
	changed := bucketTF(t, name, `
  tags          = { owner = "somebody", team = "platform" }
  force_destroy = true`)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{
			{
				Config: importing,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(bucketAddress, plancheck.ResourceActionNoop)},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				ConfigStateChecks: []statecheck.StateCheck{stateIs(knownvalue.StringExact("imported"), "origin")},
				Check:             checkForeign(t, name, before, 2),
			},
			{
				Config: changed, ConfigPlanChecks: emptyAfter,
				ConfigStateChecks: []statecheck.StateCheck{
					stateIs(knownvalue.StringExact("adopted"), "origin"),
					stateIs(knownvalue.MapExact(map[string]knownvalue.Check{
						"owner": knownvalue.StringExact("somebody"), "team": knownvalue.StringExact("platform"),
					}), "tags"),
				},
				Check: checkForeign(t, name, before, 3),
			},
		},
	})
}

// foreignBucket makes a bucket as somebody else would have left it: settings, a policy, rules, tags
// and years of versions. It returns what the server then shows.
func foreignBucket(t *testing.T, name string) *s3store.Observed {
	t.Helper()
	c := directStore(t)
	if _, err := c.Ensure(t.Context(), name, s3store.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	on := true
	if _, err := c.Apply(t.Context(), name, s3store.Settings{
		Versioning: &on,
		Tags:       &s3store.TagChange{Set: map[string]string{"owner": "somebody", "billing": "47"}},
		Policy:     &s3store.PolicyClaim{Statements: mustPolicy(t, foreignPolicy(name)).Statements},
	}, &s3store.Observed{}, s3store.Optional{}); err != nil {
		t.Fatal(err)
	}
	if _, err := testenv.MinIO(t).Client().PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &name, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
			ID: aws.String("their rule"), Status: types.ExpirationStatusEnabled,
			Filter:     &types.LifecycleRuleFilter{And: &types.LifecycleRuleAndOperator{Prefix: aws.String("logs/"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}},
			Expiration: &types.LifecycleExpiration{Days: aws.Int32(400)},
		}}},
	}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := c.Put(t.Context(), name, "notes.txt", strings.NewReader(fmt.Sprintf("version %d", i))); err != nil {
			t.Fatal(err)
		}
	}
	return observe(t, name)
}

func foreignPolicy(name string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"Their Statement","Effect":"Deny","Principal":{"AWS":["*"]},`+
		`"Action":["s3:DeleteBucketPolicy"],"Resource":["arn:aws:s3:::%s"]}]}`, name)
}

func mustPolicy(t *testing.T, text string) *s3store.PolicyDocument {
	t.Helper()
	doc, err := s3store.ParsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// checkForeign checks that what is not groundwork's is as it was, byte for byte.
func checkForeign(t *testing.T, name string, before *s3store.Observed, tags int) resource.TestCheckFunc {
	return func(*terraform.State) error {
		o := observe(t, name)
		theirs, ok := o.Policy.Find("Their Statement")
		want, _ := before.Policy.Find("Their Statement")
		switch {
		case !ok || string(theirs.Raw) != string(want.Raw):
			return fmt.Errorf("their policy statement is now %s", theirs.Raw)
		case o.Tags["billing"] != "47" || len(o.Tags) != tags:
			return fmt.Errorf("tags are %v", o.Tags)
		case o.Lifecycle.ForeignRules() != 1 || !reflect.DeepEqual(o.Lifecycle, before.Lifecycle):
			return fmt.Errorf("their rules are now %+v", o.Lifecycle)
		case !o.Lifecycle.Owned.Equal(s3store.Lifecycle{}):
			return fmt.Errorf("nobody asked for these rules: %+v", o.Lifecycle.Owned)
		case o.Encryption != nil:
			return errors.New("nobody asked for encryption")
		}
		versions := 0
		for _, err := range directStore(t).Versions(t.Context(), name, "notes.txt") {
			if err != nil {
				return err
			}
			versions++
		}
		if versions != 3 {
			return fmt.Errorf("%d versions are left of 3", versions)
		}
		return nil
	}
}
