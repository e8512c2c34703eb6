package provider

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

func put(t *testing.T, bucket, key, content string) func() {
	return func() {
		if _, err := directStore(t).Put(t.Context(), bucket, key, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
}

// words makes a pattern that does not mind where the command line breaks lines.
func words(text string) *regexp.Regexp {
	parts := strings.Fields(text)
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile(strings.Join(parts, `[\s│╷╵]+`))
}

func TestAccStateBucketAdopt(t *testing.T) {
	name := testenv.BucketName(t)
	before := foreignBucket(t, name)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{
			{
				Config:      bucketTF(t, name, ""),
				ExpectError: words(`exists already and holds objects, "notes.txt" among them. To take it over with all that it holds, set adopt_existing = true`),
			},
			{
				Config: bucketTF(t, name, "adopt_existing = true\nforce_destroy = true\ntags = { team = \"platform\" }"),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectUnknownValue(bucketAddress, at("versioning")), plancheck.ExpectUnknownValue(bucketAddress, at("origin"))},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				ConfigStateChecks: []statecheck.StateCheck{
					stateIs(knownvalue.StringExact("adopted"), "origin"),
					stateIs(knownvalue.Int64Exact(0), "lifecycle_rules", "noncurrent_expiration_days"),
					stateIs(knownvalue.StringExact("none"), "encryption", "algorithm"),
					stateIs(knownvalue.MapExact(map[string]knownvalue.Check{"team": knownvalue.StringExact("platform")}), "tags"),
				},
				Check: checkForeign(t, name, before, 3),
			},
			{ // What is declared changes; all else stays theirs.
				Config: bucketTF(t, name, "adopt_existing = true\nforce_destroy = true\nencryption = { algorithm = \"AES256\" }"),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						planIs(knownvalue.Int64Exact(0), "lifecycle_rules", "noncurrent_expiration_days"),
						planIs(knownvalue.Null(), "tags"),
					},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				Check: func(*terraform.State) error {
					o := observe(t, name)
					if o.Encryption == nil || o.Tags["owner"] != "somebody" || o.Tags["team"] != "" || o.Lifecycle.ForeignRules() != 1 {
						return fmt.Errorf("the bucket is %+v", o)
					}
					return nil
				},
			},
		},
	})
}

func TestAccStateBucketCompletesEmpty(t *testing.T) {
	name := testenv.BucketName(t)
	if _, err := directStore(t).Ensure(t.Context(), name, s3store.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{{
			Config: bucketTF(t, name, ""), ConfigPlanChecks: emptyAfter,
			ConfigStateChecks: []statecheck.StateCheck{
				stateIs(knownvalue.StringExact("created"), "origin"), stateIs(knownvalue.Bool(true), "versioning"),
			},
		}},
	})
}

func TestAccStateBucketGuards(t *testing.T) {
	name, backup := testenv.BucketName(t), t.TempDir()
	protected := strings.Replace(bucketTF(t, name, ""), "deletion_protection = false", "", 1)
	renamed := strings.Replace(protected, name, name+"2", 1)
	selfManaged := strings.Replace(strings.Replace(liveState, "terraform_data", "groundwork_state_bucket", 1),
		`"id": "9a1"`, fmt.Sprintf(`"id": "x", "name": %q, "endpoint": %q`, name, testenv.MinIO(t).Endpoint), 1)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{
			{Config: protected},
			{Config: protected, Destroy: true, ExpectError: words(`To destroy bucket "` + name + `" is refused by deletion_protection. Set deletion_protection = false`)},
			{Config: renamed, ExpectError: words(`To replace bucket "` + name + `" is refused by deletion_protection.`)},
			{Config: bucketTF(t, name, "")},
			{
				PreConfig: put(t, name, "infra/terraform.tfstate", liveState),
				Config:    bucketTF(t, name, ""), Destroy: true,
				ExpectError: words(`holds live state; the resources in it would be left behind without anyone managing them: infra/terraform.tfstate (1 resource) Destroy the resources in these states first.`),
			},
			{ // A name that says nothing hides no state.
				PreConfig: put(t, name, "team/network", liveState),
				Config:    bucketTF(t, name, ""), Destroy: true,
				ExpectError: words(`infra/terraform.tfstate (1 resource) team/network (1 resource)`),
			},
			{Config: bucketTF(t, name, "force_destroy = true")},
			{
				Config: bucketTF(t, name, "force_destroy = true"), Destroy: true,
				ExpectError: words(`force_destroy alone does not delete live state. Set final_backup_to`),
			},
			{
				PreConfig:   put(t, name, "bootstrap/terraform.tfstate", selfManaged),
				Config:      bucketTF(t, name, fmt.Sprintf("force_destroy = true\nfinal_backup_to = %q", backup)),
				ExpectError: nil,
			},
			{
				Config: bucketTF(t, name, fmt.Sprintf("force_destroy = true\nfinal_backup_to = %q", backup)), Destroy: true,
				ExpectError: words(`The state "bootstrap/terraform.tfstate", which manages bucket "` + name + `", is kept in that bucket itself.`),
			},
			{ // The bootstrap state moves out; now everything may go, backed up first.
				PreConfig: func() {
					if err := directStore(t).DeleteObject(t.Context(), name, "bootstrap/terraform.tfstate", ""); err != nil {
						t.Fatal(err)
					}
				},
				Config: bucketTF(t, name, fmt.Sprintf("force_destroy = true\nfinal_backup_to = %q", backup)), Destroy: true,
			},
		},
	})
	copies, err := filepath.Glob(filepath.Join(backup, name+"-*", "objects", "infra", "terraform.tfstate"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("the final backup has %v, %v", copies, err)
	}
	if text, err := os.ReadFile(copies[0]); err != nil || string(text) != liveState {
		t.Fatalf("the copy differs: %v", err)
	}
	if versions, err := filepath.Glob(filepath.Join(backup, name+"-*", "versions", "bootstrap", "terraform.tfstate", "*")); err != nil || len(versions) != 1 {
		t.Fatalf("the deleted state's version is not in the backup: %v, %v", versions, err)
	}
}

func TestAccStateBucketContents(t *testing.T) {
	name := testenv.BucketName(t)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{
			{Config: bucketTF(t, name, "")},
			{
				PreConfig: put(t, name, "readme.txt", "hello"),
				Config:    bucketTF(t, name, ""), Destroy: true,
				ExpectError: words(`is not empty: it holds 1 object, 0 superseded versions and 0 delete markers, "readme.txt" among them.`),
			},
			{Config: bucketTF(t, name, "force_destroy = true")},
		},
	})
}

func TestAccStateBucketServiceLacks(t *testing.T) {
	name := testenv.BucketName(t)
	noKMS := testenv.MinIOWithoutKMS(t)
	on := func(service, body string) string {
		return fmt.Sprintf(`
provider "groundwork" {
  service    = %q
  endpoint   = %q
  access_key = %q
  secret_key = %q
}
resource "groundwork_state_bucket" "test" {
  name                = %q
  deletion_protection = false
  %s
}`, service, noKMS.Endpoint, noKMS.AccessKey, noKMS.SecretKey, name, body)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{Config: on("minio", "block_public_access = true"), ExpectError: words("does not support public_access_block (PutPublicAccessBlock).")},
			{Config: on("minio", "require_tls = true"), ExpectError: words("does not support require_tls (PutBucketPolicy): it applies bucket policies to anonymous requests only")},
			{Config: on("minio", "lifecycle_rules = { abort_incomplete_uploads_days = 3 }"), ExpectError: words("does not support lifecycle.abort_incomplete_uploads_days (PutBucketLifecycleConfiguration).")},
			{Config: on("minio", `logging = { target_bucket = "logs" }`), ExpectError: words("does not support logging (PutBucketLogging).")},
			{Config: on("minio", `encryption = { algorithm = "AES256" }`), ExpectError: words("MinIO does not support encryption (PutBucketEncryption)")},
			{
				Config: on("minio", ""), ConfigPlanChecks: emptyAfter,
				ConfigStateChecks: []statecheck.StateCheck{
					stateIs(knownvalue.Null(), "encryption"),
					stateIs(knownvalue.StringExact("unsupported"), "capabilities", "encryption"),
				},
			},
			{Config: on("minio", "encryption = { algorithm = \"AES256\" }"), ExpectError: words("MinIO does not support encryption (PutBucketEncryption)")},
		},
	})
}

// TestAccStateBucketUnknownService has nothing but the live endpoint to go by.
func TestAccStateBucketUnknownService(t *testing.T) {
	name := testenv.BucketName(t)
	config := minioProviderBlockAs(t, "custom") + fmt.Sprintf(`
resource "groundwork_state_bucket" "test" {
  name                = %q
  deletion_protection = false
}`, name)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{{
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{
					plancheck.ExpectUnknownValue(bucketAddress, at("lock_strategy")),
					plancheck.ExpectUnknownValue(bucketAddress, at("versioning")),
					plancheck.ExpectUnknownValue(bucketAddress, at("lifecycle_rules")),
				},
				PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
			},
			ConfigStateChecks: []statecheck.StateCheck{
				stateIs(knownvalue.StringExact("lockfile"), "lock_strategy"),
				stateIs(knownvalue.Bool(true), "versioning"),
				stateIs(knownvalue.Null(), "block_public_access"),
				stateIs(knownvalue.Int64Exact(90), "lifecycle_rules", "noncurrent_expiration_days"),
				stateIs(knownvalue.Null(), "lifecycle_rules", "abort_incomplete_uploads_days"),
			},
		}},
	})
}

// TestStateBucketScalewayPlan shows that a plan is complete before the service is asked anything.
func TestStateBucketScalewayPlan(t *testing.T) {
	ctx := t.Context()
	p := newProtoProvider(ctx, t, attrs{
		"service": "scaleway", "region": "nl-ams", "access_key": "SCWXXXXXXXXXXXXXXXXX", "secret_key": "11111111-1111-1111-1111-111111111111",
	}, nil)
	resp, failed := p.plan(ctx, t, bucketResource, p.null(t, bucketResource), attrs{"name": "terraform-state-coder-dev"})
	if failed != "" {
		t.Fatal(failed)
	}
	planned := p.decode(t, p.typeOf(t, bucketResource), resp.PlannedState)
	for name, want := range map[string]string{
		"endpoint": "https://s3.nl-ams.scw.cloud", "id": "terraform-state-coder-dev@nl-ams", "arn": "terraform-state-coder-dev",
		"lock_strategy":      "lockfile",
		"pulumi_backend_url": "s3://terraform-state-coder-dev?region=nl-ams&endpoint=https://s3.nl-ams.scw.cloud",
	} {
		if got := field(t, planned, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	want := p.object(t, p.typeOf(t, bucketResource), attrs{
		"versioning": true, "encryption": attrs{"algorithm": "AES256"},
		"lifecycle_rules": attrs{
			"noncurrent_expiration_days": 90, "noncurrent_versions_to_keep": 0, "abort_incomplete_uploads_days": 7,
			"expire_delete_markers": true, "expirations": attrs{},
		},
	})
	var got, expected map[string]tftypes.Value
	if err := errors.Join(planned.As(&got), want.As(&expected)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"versioning", "encryption", "lifecycle_rules", "block_public_access", "require_tls", "tags", "logging"} {
		if !got[name].Equal(expected[name]) {
			t.Errorf("%s is %s, want %s", name, got[name], expected[name])
		}
	}
}

func TestAccStateBucketScaleway(t *testing.T) {
	on := func(region, body string) string {
		return fmt.Sprintf(`
provider "groundwork" {
  service    = "scaleway"
  region     = %q
  access_key = "SCWXXXXXXXXXXXXXXXXX"
  secret_key = "11111111-1111-1111-1111-111111111111"
}
resource "groundwork_state_bucket" "test" {
  name = "terraform-state-coder-dev"
  %s
}`, region, body)
	}
	const entry = `access = [{ level = "read-write", principals = ["application_id:11111111-1111-1111-1111-111111111111"] }]`
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{Config: on("fr-par", entry), PlanOnly: true, ExpectError: words("denies everyone that it does not name, groundwork itself included. Set caller_principal")},
			{Config: on("fr-par", entry+"\ncaller_principal = \"arn:aws:iam::1:user/x\""), PlanOnly: true, ExpectError: words("write user_id:<uuid> or application_id:<uuid>")},
			{Config: on("eu-west-1", ""), PlanOnly: true, ExpectError: words(`Scaleway Object Storage has no region "eu-west-1"; its regions are fr-par, nl-ams, pl-waw`)},
		},
	})
}

func TestAccStateBucketValidators(t *testing.T) {
	for name, c := range map[string]struct{ body, message string }{
		"name":              {`name = "My_Bucket"`, "a bucket's name has 3 to 63 lower-case letters"},
		"dots":              {`name = "a..b"`, "has no two dots in a row"},
		"address":           {`name = "10.0.0.1"`, "is no IP address"},
		"algorithm":         {`encryption = { algorithm = "rot13" }`, `value must be one of: ["AES256" "aws:kms" "none"]`},
		"key for AES256":    {`encryption = { algorithm = "AES256", kms_key_id = "k" }`, `kms_key_id goes with algorithm = "aws:kms"`},
		"negative days":     {`lifecycle_rules = { noncurrent_expiration_days = -1 }`, "value must be between 0 and 36500"},
		"keep without":      {`lifecycle_rules = { noncurrent_expiration_days = 0, noncurrent_versions_to_keep = 3 }`, "noncurrent_expiration_days = 0 lets none expire"},
		"expire everything": {`lifecycle_rules = { expirations = { "" = 3 } }`, "would delete every state in the bucket"},
		"expire stacks":     {`lifecycle_rules = { expirations = { ".pulumi/" = 3 } }`, "would delete live Pulumi stacks"},
		"expire workspaces": {`lifecycle_rules = { expirations = { "env:/dev/" = 3 } }`, "would delete the live states of Terraform workspaces"},
		"policy text":       {`policy = "no json"`, "The policy is no policy document"},
		"policy sid":        {`policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Deny" }] })`, "Statement 1 has no Sid"},
		"policy own sid":    {`policy = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "groundwork-x" }] })`, "is reserved for groundwork's own statements"},
		"level":             {`access = [{ level = "root", principals = ["x"] }]`, `value must be one of: ["read-only" "read-write" "admin"]`},
		"everyone":          {`access = [{ level = "admin", principals = ["*"] }]`, `would open the state to everyone it matches`},
		"no principals":     {`access = [{ level = "admin", principals = [] }]`, "set must contain at least 1 elements"},
		"lock mode":         {`object_lock = { mode = "STRICT", days = 1 }`, `value must be one of: ["GOVERNANCE" "COMPLIANCE"]`},
		"lock unversioned":  {"versioning = false\nobject_lock = { mode = \"GOVERNANCE\", days = 1 }", "object_lock retains versions, so it needs versioning"},
		"backup scheme":     {`final_backup_to = "ftp://x/y"`, "neither a local folder nor s3://bucket/prefix"},
		"backup secret":     {`final_backup_to = "s3://key:secret@bucket"`, "without credentials or parameters"},
		"backup into self":  {`final_backup_to = "s3://tfacc-valid"`, "into the bucket that is being destroyed"},
	} {
		t.Run(name, func(t *testing.T) {
			body := c.body
			if !strings.HasPrefix(body, "name") {
				body = "name = \"tfacc-valid\"\n" + body
			}
			resource.ParallelTest(t, resource.TestCase{
				ProtoV6ProviderFactories: protoV6Factories(),
				Steps: []resource.TestStep{{
					Config:   minioProviderBlock(t) + "resource \"groundwork_state_bucket\" \"test\" {\n" + body + "\n}",
					PlanOnly: true, ExpectError: words(c.message),
				}},
			})
		})
	}
}

func TestAccStateBucketObjectLock(t *testing.T) {
	name := testenv.BucketName(t)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{
			{
				Config: bucketTF(t, name, `object_lock = { mode = "GOVERNANCE", days = 2 }`), ConfigPlanChecks: emptyAfter,
				Check: func(*terraform.State) error {
					if o := observe(t, name); o.ObjectLock == nil || o.ObjectLock.Days != 2 {
						return fmt.Errorf("object lock is %+v", o.ObjectLock)
					}
					return nil
				},
			},
			{Config: bucketTF(t, name, `object_lock = { mode = "GOVERNANCE", days = 1 }`), ConfigPlanChecks: emptyAfter},
			{Config: bucketTF(t, name, ""), ConfigPlanChecks: emptyAfter},
		},
	})
}

// TestAccStateBucketLateProvider has an endpoint that another resource decides in the same apply.
func TestAccStateBucketLateProvider(t *testing.T) {
	name, s := testenv.BucketName(t), testenv.MinIO(t)
	config := func(endpoint string) string {
		return fmt.Sprintf(`
resource "terraform_data" "endpoint" {
  input = %q
}
provider "groundwork" {
  service    = "minio"
  endpoint   = terraform_data.endpoint.output
  access_key = %q
  secret_key = %q
}
resource "groundwork_state_bucket" "test" {
  name                = %q
  deletion_protection = false
}`, endpoint, s.AccessKey, s.SecretKey, name)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkBucketGone(t, name),
		Steps: []resource.TestStep{
			{
				Config: config(s.Endpoint),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectUnknownValue(bucketAddress, at("endpoint"))},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
			},
			{ // The bucket is not "gone" because the provider looks elsewhere.
				Config:      strings.Replace(config(s.Endpoint), "terraform_data.endpoint.output", fmt.Sprintf("%q", testenv.MinIOWithoutKMS(t).Endpoint), 1),
				ExpectError: words("A bucket of that name there would be another one."),
			},
			{Config: config(s.Endpoint)},
		},
	})
}

func TestAccStateBucketBadCredentials(t *testing.T) {
	s := testenv.MinIO(t)
	block := func(access, secret string) string {
		return fmt.Sprintf(`
provider "groundwork" {
  service    = "minio"
  endpoint   = %q
  access_key = %q
  secret_key = %q
}
resource "groundwork_state_bucket" "test" {
  name = "tfacc-credentials"
}`, s.Endpoint, access, secret)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{Config: block("nobody", s.SecretKey), ExpectError: words("The service does not know this access key")},
			{Config: block(s.AccessKey, "wrong"), ExpectError: words("The secret key does not belong to the access key")},
			{Config: block(s.AccessKey, ""), ExpectError: words("access_key and secret_key come as a pair")},
		},
	})
}
