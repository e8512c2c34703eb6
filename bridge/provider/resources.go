// Package provider describes to the Pulumi bridge how the Terraform provider of this repository
// looks as a Pulumi package. It holds no logic of its own: what a resource does is decided by the
// provider that it wraps.
package provider

import (
	_ "embed"

	pfbridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/internal/examples"
	groundwork "github.com/groundwork-iac/terraform-provider-groundwork/provider"
)

const (
	// Name is the Pulumi package.
	Name = "groundwork"
	// owner is who publishes it; its packages are under this name in every language.
	owner = "groundwork-iac"
	// repository is where it comes from.
	repository = "https://github.com/" + owner + "/terraform-provider-" + Name
	// GoModule is the module of the generated Go SDK, and GoPackage its package.
	GoModule  = "github.com/" + owner + "/terraform-provider-" + Name + "/bridge/sdk"
	GoPackage = GoModule + "/go/" + Name
	// NodePackage, PythonPackage, DotnetNamespace and JavaPackage name the SDK in its language.
	NodePackage     = "@" + owner + "/" + Name
	PythonPackage   = "groundwork_iac"
	DotnetNamespace = "GroundworkIac"
	JavaPackage     = "io.groundworkiac"
)

// Version is the version of the package, set when it is linked. The bridge insists on a semantic one.
var Version = "0.0.1"

//go:embed schema.json
var pulumiSchema []byte

//go:embed bridge-metadata.json
var metadata []byte

// Schema returns the Pulumi schema with the version of this build. The one in the tree has none, so
// that a release changes nothing in it.
func Schema() []byte {
	return append([]byte(`{"version":"`+Version+`",`), pulumiSchema[1:]...)
}

// Provider describes the package.
func Provider() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:    pfbridge.ShimProvider(groundwork.New(Version)()),
		Name: Name, DisplayName: Name, Publisher: owner, Version: Version,
		Description: "Makes, proves, locks and guards the place where infrastructure state lives.",
		Keywords:    []string{"category/infrastructure", "groundwork", "state", "backend", "s3", "postgresql"},
		License:     "MPL-2.0", Homepage: repository, Repository: repository,
		GitHubOrg: owner,
		// tfgen runs in the folder of this module, and the pages are in the repository's docs/.
		UpstreamRepoPath:  "..",
		PluginDownloadURL: "github://api.github.com/" + owner + "/terraform-provider-" + Name,
		MetadataInfo:      tfbridge.NewProviderMetadata(metadata),
		DocRules:          &tfbridge.DocRuleInfo{EditRules: examples.Name("../examples")},

		NoDanglingReferences:           true,
		EnableAccuratePFBridgePreview:  true, // it needs what sets.go adds
		EnableZeroDefaultSchemaVersion: true,

		JavaScript: &tfbridge.JavaScriptInfo{
			PackageName: NodePackage, RespectSchemaVersion: true,
			Dependencies: map[string]string{"@pulumi/pulumi": "^3.142.0"},
		},
		Python: &tfbridge.PythonInfo{
			PackageName: PythonPackage, RespectSchemaVersion: true,
			Requires: map[string]string{"pulumi": ">=3.165.0,<4.0.0"},
		},
		Golang: &tfbridge.GolangInfo{
			ImportBasePath: GoPackage, ModulePath: GoModule, RootPackageName: Name,
			GenerateResourceContainerTypes: true, RespectSchemaVersion: true,
		},
		CSharp: &tfbridge.CSharpInfo{
			RootNamespace: DotnetNamespace, RespectSchemaVersion: true,
			PackageReferences: map[string]string{"Pulumi": "3.*"},
		},
		Java: &tfbridge.JavaInfo{BasePackage: JavaPackage},
	}
	info.Python.PyProject.Enabled = true
	info.Resources = resources()
	info.DataSources = map[string]*tfbridge.DataSourceInfo{Name + "_backend_config": {Fields: backendFields()}}
	// Nothing has a default from the environment here: the provider reads it when it is configured.
	// A default of the bridge would be written into every checkpoint, credentials included.
	info.MustComputeTokens(tokens.SingleModule(Name+"_", "index", tokens.MakeStandard(Name)))
	info.MustApplyAutoAliases()
	info.SchemaPostProcessor = requireOnlyInputs(&info)
	return info
}

// resources says for each resource that its Pulumi ID is its import ID, which the provider computes
// as `id`. The rest follows from the names.
func resources() map[string]*tfbridge.ResourceInfo {
	all := map[string]*tfbridge.ResourceInfo{}
	for _, name := range []string{"backend_config_file", "lock_database", "state_bucket", "state_lock_table"} {
		all[Name+"_"+name] = &tfbridge.ResourceInfo{
			ComputeID: tfbridge.DelegateIDField(resource.PropertyKey("id"), Name, repository),
		}
	}
	// The bridge would make plurals of the names of lists. In nested objects it cannot be kept from
	// that, so there dynamodb.unsupported is unsupporteds.
	all[Name+"_state_bucket"].Fields = map[string]*tfbridge.SchemaInfo{
		"access": {Name: "access"}, "unsupported": {Name: "unsupported"},
	}
	all[Name+"_backend_config_file"].Fields = backendFields()
	return all
}

// backendFields renames what Pulumi reserves for itself: no property may be called pulumi.
func backendFields() map[string]*tfbridge.SchemaInfo {
	return map[string]*tfbridge.SchemaInfo{"pulumi": {Name: "pulumiBackend"}}
}
