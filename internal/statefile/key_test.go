package statefile

import (
	"strings"
	"testing"
)

var keyTests = []struct {
	key  string
	want Key
}{
	{"terraform.tfstate", Key{Kind: KeyTerraformState, StateKey: "terraform.tfstate"}},
	{"infra/terraform.tfstate", Key{Kind: KeyTerraformState, StateKey: "infra/terraform.tfstate"}},
	{"errored.tfstate", Key{Kind: KeyTerraformState, StateKey: "errored.tfstate"}},
	{"infra/terraform.tfstate.tflock", Key{Kind: KeyTerraformLock, StateKey: "infra/terraform.tfstate"}},
	{"odd-name.tflock", Key{Kind: KeyTerraformLock, StateKey: "odd-name"}},
	{"env:/prod/infra/terraform.tfstate", Key{Kind: KeyTerraformState, Workspace: "prod", StateKey: "infra/terraform.tfstate"}},
	{"env:/prod/infra/terraform.tfstate.tflock", Key{Kind: KeyTerraformLock, Workspace: "prod", StateKey: "infra/terraform.tfstate"}},
	{"env:/prod/state", Key{Workspace: "prod", StateKey: "state"}},
	{"env:/prod", Key{}},
	{"env://terraform.tfstate", Key{Kind: KeyTerraformState, StateKey: "env://terraform.tfstate"}},
	{"env:/prod/", Key{}},
	{"environments/prod/terraform.tfstate", Key{Kind: KeyTerraformState, StateKey: "environments/prod/terraform.tfstate"}},
	{"terraform.tfstate.backup", Key{Kind: KeyTerraformBackup, StateKey: "terraform.tfstate.backup"}},
	{"terraform.tfstate.1763860000.backup", Key{Kind: KeyTerraformBackup, StateKey: "terraform.tfstate.1763860000.backup"}},
	{"terraform.tfstate.d/prod/terraform.tfstate", Key{Kind: KeyTerraformState, StateKey: "terraform.tfstate.d/prod/terraform.tfstate"}},
	{"terraform.tfstate.old", Key{}},
	{"README.md", Key{}},
	{"", Key{}},

	{".pulumi/meta.yaml", Key{Kind: KeyPulumiMeta}},
	{"team/a/.pulumi/meta.yaml", Key{Kind: KeyPulumiMeta, Prefix: "team/a/"}},
	{".pulumi/stacks/shop/dev.json", Key{Kind: KeyPulumiStack, Project: "shop", Stack: "dev"}},
	{".pulumi/stacks/shop/dev.json.gz", Key{Kind: KeyPulumiStack, Project: "shop", Stack: "dev"}},
	{".pulumi/stacks/shop/dev.json.zst", Key{Kind: KeyPulumiStack, Project: "shop", Stack: "dev"}},
	{"a/b/.pulumi/stacks/shop/dev.json", Key{Kind: KeyPulumiStack, Prefix: "a/b/", Project: "shop", Stack: "dev"}},
	{".pulumi/stacks/dev.json", Key{Kind: KeyPulumiLegacyStack, Stack: "dev"}},
	{".pulumi/stacks/dev.json.gz", Key{Kind: KeyPulumiLegacyStack, Stack: "dev"}},
	{".pulumi/stacks/dev/.pulumi.dev.json", Key{Kind: KeyPulumiStack, Project: "dev", Stack: ".pulumi.dev"}},
	{".pulumi/stacks/my.pulumi/dev.json", Key{Kind: KeyPulumiStack, Project: "my.pulumi", Stack: "dev"}},
	{".pulumi/stacks/.pulumi/dev.json", Key{Kind: KeyPulumiStack, Project: ".pulumi", Stack: "dev"}},
	{"x/.pulumi/y/.pulumi/stacks/dev.json", Key{Kind: KeyPulumiLegacyStack, Prefix: "x/.pulumi/y/", Stack: "dev"}},
	{".pulumi/stacks/shop/a.json.json", Key{Kind: KeyPulumiStack, Project: "shop", Stack: "a.json"}},
	{".pulumi/stacks/shop/a.json.1.json", Key{Kind: KeyPulumiStack, Project: "shop", Stack: "a.json.1"}},
	{".pulumi/stacks/shop/dev.json.bak", Key{Kind: KeyPulumiStackBackup, Project: "shop", Stack: "dev"}},
	{".pulumi/stacks/shop/dev.json.gz.bak", Key{Kind: KeyPulumiStackBackup, Project: "shop", Stack: "dev"}},
	{".pulumi/stacks/dev.json.bak", Key{Kind: KeyPulumiStackBackup, Stack: "dev"}},
	{".pulumi/stacks/shop/dev.json.1763860000000000000", Key{Kind: KeyPulumiStackBackup, Project: "shop", Stack: "dev"}},
	{".pulumi/stacks/shop/dev.json.zst.1763860000000000000", Key{Kind: KeyPulumiStackBackup, Project: "shop", Stack: "dev"}},
	{".pulumi/stacks/shop/dev.pulumi-tags", Key{Kind: KeyPulumiTags, Project: "shop", Stack: "dev"}},
	{".pulumi/stacks/dev.pulumi-tags", Key{Kind: KeyPulumiTags, Stack: "dev"}},
	{".pulumi/history/shop/dev/dev-1763860000000000000.history.json", Key{Kind: KeyPulumiHistory, Project: "shop", Stack: "dev"}},
	{".pulumi/history/shop/dev/dev-1763860000000000000.checkpoint.json.gz", Key{Kind: KeyPulumiHistory, Project: "shop", Stack: "dev"}},
	{".pulumi/history/dev/dev-1763860000000000000.history.json", Key{Kind: KeyPulumiHistory, Stack: "dev"}},
	{".pulumi/backups/shop/dev/dev.1763860000000000000.json", Key{Kind: KeyPulumiBackup, Project: "shop", Stack: "dev"}},
	{".pulumi/backups/dev/dev.1763860000000000000.json", Key{Kind: KeyPulumiBackup, Stack: "dev"}},
	{".pulumi/locks/organization/shop/dev/0a1b.json", Key{Kind: KeyPulumiLock, Project: "shop", Stack: "dev"}},
	{".pulumi/locks/dev/0a1b.json", Key{Kind: KeyPulumiLock, Stack: "dev"}},
	{".pulumi/stacks/shop/dev.yaml", Key{}},
	{".pulumi/stacks/shop/.json", Key{}},
	{".pulumi/stacks/shop/a b.json", Key{}},
	{".pulumi/stacks/a b/dev.json", Key{}},
	{".pulumi/stacks/shop/sub/dev.json", Key{}},
	{".pulumi/stacks/shop/" + strings.Repeat("x", 101) + ".json", Key{}},
	{".pulumi/stacks/", Key{}},
	{".pulumi/meta.yaml/x", Key{}},
	{".pulumi/backups/dev-2025-11-13-120000.json", Key{}},
	{".pulumi/", Key{}},
	{"x.pulumi/stacks/shop/dev.json", Key{}},
}

func TestClassifyKey(t *testing.T) {
	for _, test := range keyTests {
		if got := ClassifyKey(test.key); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.key, got, test.want)
		}
	}
}

func TestClassifyKeyIn(t *testing.T) {
	for _, prefix := range []string{"workspaces", "workspaces/"} {
		want := Key{Kind: KeyTerraformState, Workspace: "prod", StateKey: "a/terraform.tfstate"}
		if got := ClassifyKeyIn("workspaces/prod/a/terraform.tfstate", prefix); got != want {
			t.Errorf("%q: %+v", prefix, got)
		}
	}
	want := Key{Kind: KeyTerraformState, StateKey: "env:/prod/terraform.tfstate"}
	if got := ClassifyKeyIn("env:/prod/terraform.tfstate", "workspaces"); got != want {
		t.Errorf("%+v", got)
	}
}

func TestKeyKindState(t *testing.T) {
	for kind := KeyOther; kind <= KeyPulumiMeta; kind++ {
		want := kind == KeyTerraformState || kind == KeyPulumiStack || kind == KeyPulumiLegacyStack
		if kind.State() != want {
			t.Errorf("%s: %t", kind, kind.State())
		}
	}
}
