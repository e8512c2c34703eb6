package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

func TestAccStateKey(t *testing.T) {
	output := func(call string) string { return "output \"key\" {\n  value = provider::groundwork::" + call + "\n}\n" }
	is := func(call, want string) resource.TestStep {
		return resource.TestStep{Config: output(call), ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("key", knownvalue.StringExact(want)),
		}}
	}
	fails := func(call, message string) resource.TestStep {
		return resource.TestStep{Config: output(call), PlanOnly: true, ExpectError: words(message)}
	}
	legacy := is(`state_key("dev", null)`, "dev/terraform.tfstate")
	if underOpenTofu() {
		// OpenTofu 1.12 sends a null argument without any data, which the framework cannot read.
		legacy = fails(`state_key("dev", null)`, `Invalid value for "phase" parameter`)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			is(`state_key("dev", "infra")`, "infra/terraform.tfstate"),
			legacy,
			is(`state_key("dev", "")`, "dev/terraform.tfstate"),
			fails(`state_key("", "infra")`, `Invalid value for "environment" parameter: Environment "" is empty; name the environment.`),
			fails(`state_key("dev", "a/b")`, `Invalid value for "phase" parameter: Phase "a/b" has characters that cannot be in a state's key`),
			fails(`state_key("..", "")`, `Invalid value for "environment" parameter`),
		},
	})
}
