package provider

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

func dataIs(address string, value knownvalue.Check, steps ...string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, at(steps...), value)
}

func TestAccBackendConfigDataSource(t *testing.T) {
	const address = "data.groundwork_backend_config.test"
	is := func(value string, steps ...string) statecheck.StateCheck {
		return dataIs(address, knownvalue.StringExact(value), steps...)
	}
	matches := func(pattern string, steps ...string) statecheck.StateCheck {
		return dataIs(address, knownvalue.StringRegexp(regexp.MustCompile(pattern)), steps...)
	}
	config := func(arguments string) string {
		return "data \"groundwork_backend_config\" \"test\" {\n" + arguments + "\n}\n"
	}
	const s3 = "s3 = {\n bucket = \"acme-states\"\n key = \"k\"\n}\n"
	server := testenv.MinIO(t)
	partial := backendText("k")
	partial = partial[strings.Index(partial, "    bucket"):strings.LastIndex(partial, "  }\n}")]
	partial = strings.ReplaceAll(strings.TrimSuffix(partial, "\n"), "\n    ", "\n")
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{ // the text is the resource's
				Config: config(s3 + `service = "scaleway"`),
				ConfigStateChecks: []statecheck.StateCheck{
					is(backendText("k"), "content"),
					is("fr-par", "s3", "region"),
					is("auto", "lock"), is("terraform", "tool"), is("latest", "tool_version"), is("terraform", "format"),
					dataIs(address, knownvalue.MapExact(map[string]knownvalue.Check{
						"bucket": knownvalue.StringExact("acme-states"), "key": knownvalue.StringExact("k"), "region": knownvalue.StringExact("fr-par"),
						"use_lockfile":                knownvalue.StringExact("true"),
						"skip_credentials_validation": knownvalue.StringExact("true"), "skip_region_validation": knownvalue.StringExact("true"),
						"skip_requesting_account_id": knownvalue.StringExact("true"), "skip_metadata_api_check": knownvalue.StringExact("true"),
						"endpoints": knownvalue.StringExact(`{"s3":"https://s3.fr-par.scw.cloud"}`),
					}), "backend_config"),
				},
			},
			{
				Config:            config(s3 + "service = \"scaleway\"\nformat = \"tfbackend\"\ntool = \"opentofu\""),
				ConfigStateChecks: []statecheck.StateCheck{matches(regexp.QuoteMeta(strings.TrimSpace(partial)), "content"), matches("tofu init", "content")},
			},
			{ // the provider's place, as it is
				Config: minioProviderBlock(t) + config(s3),
				ConfigStateChecks: []statecheck.StateCheck{
					is("minio", "service"), is(server.Endpoint, "s3", "endpoint"), is(server.Region, "s3", "region"),
					matches(`use_path_style += true`, "content"), matches(`use_lockfile += true`, "content"),
				},
			},
			{ // another endpoint is another service
				Config: minioProviderBlock(t) + config(strings.Replace(s3, "key", "endpoint = \"https://s3.nl-ams.scw.cloud\"\nkey", 1)),
				ConfigStateChecks: []statecheck.StateCheck{
					is("scaleway", "service"), is("nl-ams", "s3", "region"),
				},
			},
			{ // AWS's own endpoint stays out of the file
				Config: config("service = \"aws\"\n" + strings.Replace(s3, "key", "region = \"eu-west-1\"\nendpoint = \"https://s3.eu-west-1.amazonaws.com\"\nkey", 1)),
				ConfigStateChecks: []statecheck.StateCheck{
					dataIs(address, knownvalue.MapExact(map[string]knownvalue.Check{
						"bucket": knownvalue.StringExact("acme-states"), "key": knownvalue.StringExact("k"),
						"region": knownvalue.StringExact("eu-west-1"), "use_lockfile": knownvalue.StringExact("true"),
					}), "backend_config"),
				},
			},
			{ // no lock where it would not hold
				Config: config("service = \"versity\"\n" + strings.Replace(s3, "key", "endpoint = \"http://127.0.0.1:9\"\nkey", 1)),
				ConfigStateChecks: []statecheck.StateCheck{ // the place, four flags and path style
					dataIs(address, knownvalue.MapSizeExact(9), "backend_config"),
				},
			},
			{
				Config:      config("service = \"versity\"\nlock = \"lockfile\"\n" + strings.Replace(s3, "key", "endpoint = \"http://127.0.0.1:9\"\nkey", 1)),
				ExpectError: words("the service does not honour the conditional write that a lock file needs"),
			},
			{Config: config("service = \"minio\"\n" + s3), ExpectError: words("MinIO has no well-known address")},
			{Config: config(s3), ExpectError: words("the provider's configuration does not either: region: AWS S3 needs a region")},
			{Config: config("service = \"scaleway\"\n" + strings.Replace(s3, `"k"`, `"/k"`, 1)), ExpectError: words(`key is "/k", which starts with /`)},
			{
				Config:      "resource \"terraform_data\" \"e\" {\n  input = \"http://127.0.0.1:9\"\n}\nprovider \"groundwork\" {\n  endpoint = terraform_data.e.output\n}\n" + config(s3),
				ExpectError: words("Set service, s3.region and s3.endpoint here, or let this data source depend on what decides it"),
			},
		},
	})
}

// TestAccBackendConfigDataSourceRemotes: remote states inherit what they leave out, with no
// provider configuration and no credentials at all.
func TestAccBackendConfigDataSourceRemotes(t *testing.T) {
	const address = "data.groundwork_backend_config.test"
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{{
			Config: `
data "groundwork_backend_config" "test" {
  service = "scaleway"
  s3 = {
    bucket               = "acme-states"
    key                  = "coder/terraform.tfstate"
    workspace_key_prefix = "ws"
  }
  remote_states = {
    infra = { key = "infra/terraform.tfstate", defaults = jsonencode({ id = null }) }
    dns   = { key = "dns.tfstate", bucket = "acme-shared", region = "nl-ams", endpoint = "https://s3.nl-ams.scw.cloud", workspace_key_prefix = "" }
  }
}
`,
			ConfigStateChecks: []statecheck.StateCheck{
				dataIs(address, knownvalue.StringExact("acme-states"), "remote_states", "infra", "bucket"),
				dataIs(address, knownvalue.StringExact("ws"), "remote_states", "infra", "workspace_key_prefix"),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("content"), knownvalue.StringRegexp(regexp.MustCompile(
					`(?s)data "terraform_remote_state" "dns" \{.*bucket = "acme-shared"\n.*key    = "dns.tfstate"\n.*region = "nl-ams"\n\n.*data "terraform_remote_state" "infra" \{.*key                  = "infra/terraform.tfstate".*workspace_key_prefix = "ws".*defaults = \{\n    id = null`))),
			},
		}},
	})
}
