package provider

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

func TestAccS3Capabilities(t *testing.T) {
	const address = "data.groundwork_s3_capabilities.test"
	bucket, locked := testenv.BucketName(t), testenv.BucketName(t)
	store := directStore(t)
	for name, opts := range map[string]s3store.EnsureOptions{bucket: {}, locked: {ObjectLock: true}} {
		if _, err := store.Ensure(t.Context(), name, opts); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.ApplyObjectLock(t.Context(), locked, &s3store.ObjectLock{Mode: "GOVERNANCE", Days: 7}, &s3store.Observed{}); err != nil {
		t.Fatal(err)
	}
	config := func(arguments string) string {
		return "data \"groundwork_s3_capabilities\" \"test\" {\n" + arguments + "\n}\n"
	}
	of := func(name, more string) string { return config(fmt.Sprintf("bucket = %q\n%s", name, more)) }
	is := func(value string, steps ...string) statecheck.StateCheck {
		return dataIs(address, knownvalue.StringExact(value), steps...)
	}
	untouched := func(*terraformState) error {
		for v, err := range store.Versions(t.Context(), bucket, "") {
			return fmt.Errorf("%q was left in the bucket: %w", v.Key, err)
		}
		return nil
	}
	server := testenv.MinIO(t)
	custom := minioProviderBlockAs(t, "custom")
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{ // nothing is asked, so nothing is needed
				Config: "provider \"groundwork\" {\n  service = \"scaleway\"\n}\n" + config(""),
				ConfigStateChecks: []statecheck.StateCheck{
					is("scaleway", "service"), is("https://s3.fr-par.scw.cloud", "endpoint"), is("fr-par", "region"),
					is("safe", "lock_verdict"), is("lockfile", "lock_strategy"), is("unsupported", "capabilities", "public_access_block"),
					dataIs(address, knownvalue.ListPartial(map[int]knownvalue.Check{0: knownvalue.ObjectPartial(map[string]knownvalue.Check{
						"url": knownvalue.StringRegexp(regexp.MustCompile("^https://")), "date": knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)),
					})}), "sources"),
				},
			},
			{
				Config: "provider \"groundwork\" {\n  service = \"scaleway\"\n}\n" + config(`region = "pl-waw"`),
				ConfigStateChecks: []statecheck.StateCheck{
					is("https://s3.pl-waw.scw.cloud", "endpoint"), is("pl-waw", "region"),
				},
			},
			{
				Config: custom + of(bucket, ""), Check: untouched,
				ConfigStateChecks: []statecheck.StateCheck{
					is("custom", "service"), is(server.Endpoint, "endpoint"), is("unknown", "lock_verdict"), is("unknown", "lock_strategy"),
					is("unknown", "capabilities", "conditional_put"),
				},
			},
			{ // the probe leaves nothing behind
				Config: custom + of(bucket, "probe = true"), Check: untouched,
				ConfigStateChecks: []statecheck.StateCheck{
					is("safe", "lock_verdict"), is("lockfile", "lock_strategy"), is("supported", "capabilities", "conditional_put"),
					is("supported", "capabilities", "conditional_put_concurrent"),
					dataIs(address, knownvalue.StringRegexp(regexp.MustCompile("one winner in each")), "lock_reason"),
				},
			},
			{Config: custom + of(locked, "probe = true"), ExpectError: words("retains every new object for 7 days")},
			{Config: custom + of(testenv.BucketName(t), ""), ExpectError: words("There is no bucket")},
			{Config: custom + config("probe = true"), ExpectError: words("so it needs one: set bucket")},
			{Config: custom + of("Bad_Name", ""), ExpectError: words("a bucket's name has 3 to 63")},
			{
				Config:      "resource \"terraform_data\" \"e\" {\n  input = \"http://127.0.0.1:9\"\n}\nprovider \"groundwork\" {\n  endpoint = terraform_data.e.output\n}\n" + config(""),
				ExpectError: words("Let this data source depend on what decides it"),
			},
		},
	})
}

// TestAccS3CapabilitiesUnsafe: what is known to be unsafe stays so after a probe that passed.
func TestAccS3CapabilitiesUnsafe(t *testing.T) {
	const address = "data.groundwork_s3_capabilities.test"
	bucket := testenv.BucketName(t)
	if _, err := directStore(t).Ensure(t.Context(), bucket, s3store.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{{
			Config: minioProviderBlockAs(t, "versity") + fmt.Sprintf("data \"groundwork_s3_capabilities\" \"test\" {\n  bucket = %q\n  probe = true\n}\n", bucket),
			ConfigStateChecks: []statecheck.StateCheck{
				dataIs(address, knownvalue.StringExact("unsafe"), "lock_verdict"),
				dataIs(address, knownvalue.StringExact("none"), "lock_strategy"),
				dataIs(address, knownvalue.StringRegexp(regexp.MustCompile("then renames")), "lock_reason"),
			},
		}},
	})
}
