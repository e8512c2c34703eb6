package provider

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/imitate"
)

// through sends a call the way that groundwork goes.
func through(front *imitate.Server) func(*s3.Options) {
	return func(o *s3.Options) {
		o.BaseEndpoint = &front.Endpoint
		o.HTTPClient = front.HTTPClient()
	}
}

// TestAccStateBucketAWS has everything on that AWS has, under AWS's profile on moto: a second plan is
// empty, it is imported, and what somebody turns off comes back. It is reached over https, where a
// policy demands TLS.
func TestAccStateBucketAWS(t *testing.T) {
	s, name, logs := testenv.Moto(t), testenv.BucketName(t), testenv.BucketName(t)
	front := imitate.Start(t, imitate.AWS, imitate.WithTLS(), imitate.On(imitate.Upstream{
		Endpoint: s.Endpoint, AccessKey: s.AccessKey, SecretKey: s.SecretKey, Region: s.Region,
	}))
	where := &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(s.Region)}
	if _, err := s.S3().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &logs, CreateBucketConfiguration: where}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.S3().PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &logs, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Sid":"Logs","Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":["s3:PutObject"],"Resource":"arn:aws:s3:::` + logs + `/*"}]}`)}); err != nil {
		t.Fatal(err)
	}
	c, err := s3store.New(t.Context(), s3store.Config{
		Service: "aws", Region: s.Region, Endpoint: front.Endpoint, CABundle: front.CAFile, AccessKey: s.AccessKey, SecretKey: s.SecretKey,
		UsePathStyle: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`
provider "groundwork" {
  service        = "aws"
  region         = %q
  endpoint       = %q
  ca_bundle      = %q
  access_key     = %q
  secret_key     = %q
  use_path_style = true
}
resource "groundwork_state_bucket" "test" {
  name                = %q
  deletion_protection = false
  encryption          = { algorithm = "aws:kms", kms_key_id = "alias/states" }
  block_public_access = true
  logging             = { target_bucket = %q, target_prefix = "states/" }
  access              = [{ level = "read-write", principals = ["arn:aws:iam::123456789012:role/ci"] }]
  tags                = { team = "core" }
  lifecycle_rules = {
    noncurrent_expiration_days    = 90
    abort_incomplete_uploads_days = 7
  }
}
`, s.Region, front.Endpoint, front.CAFile, s.AccessKey, s.SecretKey, name, logs)
	everything := func(*terraform.State) error {
		o, err := c.Read(t.Context(), name)
		if err != nil {
			return err
		}
		if !c.RequiresTLS(name, s.Region, o.Policy) || !o.PublicAccessBlocked || o.Encryption == nil || o.Encryption.Algorithm != s3store.EncryptionKMS || o.Encryption.KMSKeyID != "alias/states" ||
			o.Logging == nil || o.Logging.TargetBucket != logs || o.Tags["team"] != "core" || len(c.ObservedAccess(name, s.Region, o.Policy)) != 1 {
			return fmt.Errorf("the bucket shows %+v", o)
		}
		return nil
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy: func(*terraform.State) error {
			if _, err := c.Head(context.WithoutCancel(t.Context()), name); !errors.Is(err, s3store.ErrNotFound) {
				return fmt.Errorf("bucket %s after the destroy: %w", name, err)
			}
			return nil
		},
		Steps: []resource.TestStep{
			{
				Config: config, ConfigPlanChecks: emptyAfter, Check: everything,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(bucketAddress, at("lock_strategy"), knownvalue.StringExact("lockfile")),
					statecheck.ExpectKnownValue(bucketAddress, at("arn"), knownvalue.StringExact("arn:aws:s3:::"+name)),
					statecheck.ExpectKnownValue(bucketAddress, at("origin"), knownvalue.StringExact("created")),
					statecheck.ExpectKnownValue(bucketAddress, at("require_tls"), knownvalue.Bool(true)),
					statecheck.ExpectKnownValue(bucketAddress, at("unsupported"), knownvalue.SetSizeExact(0)),
				},
			},
			{
				Config: config, ResourceName: bucketAddress, ImportState: true, ImportStateId: name + "@" + s.Region, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"origin", "deletion_protection", "capabilities", "lock_strategy", "unsupported"},
			},
			{ // What somebody turns off comes back.
				PreConfig: func() {
					_, block := s.S3().DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: &name})
					_, policy := s.S3().DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: &name}, through(front))
					_, encryption := s.S3().DeleteBucketEncryption(t.Context(), &s3.DeleteBucketEncryptionInput{Bucket: &name})
					_, logging := s.S3().PutBucketLogging(t.Context(), &s3.PutBucketLoggingInput{Bucket: &name, BucketLoggingStatus: &s3types.BucketLoggingStatus{}})
					if err := errors.Join(block, policy, encryption, logging); err != nil {
						t.Fatal(err)
					}
				},
				Config: config, Check: everything,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(bucketAddress, plancheck.ResourceActionUpdate)},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
			},
		},
	})
}
