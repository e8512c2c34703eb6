package provider

import (
	"context"
	"math/big"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

var _ function.Function = (*parsePulumiBackendURLFunction)(nil)

// parsePulumiBackendURLFunction implements provider::groundwork::parse_pulumi_backend_url.
type parsePulumiBackendURLFunction struct{}

// NewParsePulumiBackendURLFunction returns the function parse_pulumi_backend_url.
func NewParsePulumiBackendURLFunction() function.Function { return &parsePulumiBackendURLFunction{} }

var pulumiURLType = map[string]attr.Type{
	"scheme": types.StringType, "bucket": types.StringType, "prefix": types.StringType, "path": types.StringType,
	"region": types.StringType, "endpoint": types.StringType, "profile": types.StringType, "use_path_style": types.BoolType,
	"host": types.StringType, "port": types.NumberType, "database": types.StringType, "table": types.StringType,
	"parameters": textMapType, "url": types.StringType,
}

// Metadata implements function.Function.
func (f *parsePulumiBackendURLFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "parse_pulumi_backend_url"
}

// Definition implements function.Function.
func (f *parsePulumiBackendURLFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The parts of a Pulumi backend's address",
		MarkdownDescription: "Takes the address of a Pulumi backend apart, as `pulumi login` reads it, and refuses what the CLI would refuse, and addresses with credentials in them. " +
			"The schemes are `s3`, `postgres`, `gs`, `azblob` and `file`; the address of a Pulumi service is an error.\n\n" +
			"The result has `scheme`; `bucket` and `prefix` (`s3`, `gs`, `azblob`); `path` (`file`); `region`, `endpoint` (with its scheme), `profile` and `use_path_style` (`s3`); " +
			"`host`, `port`, `database` and `table` (`postgres`, the table never null); `parameters`, a map of all others; and `url`, the same address as `pulumi_backend_url` writes it. " +
			"What an address does not say is null. The older spellings `disableSSL` and `s3ForcePathStyle` are understood.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "url", MarkdownDescription: "The address, such as `s3://acme-states?region=eu-west-1`."},
		},
		Return: function.ObjectReturn{AttributeTypes: pulumiURLType},
	}
}

// Run implements function.Function.
func (f *parsePulumiBackendURLFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	resp.Error = req.Arguments.Get(ctx, &text)
	if resp.Error != nil {
		return
	}
	u, err := backendcfg.ParsePulumiURL(text)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, period(err.Error()))
		return
	}
	values := map[string]attr.Value{
		"scheme": types.StringValue(u.Scheme), "bucket": textOrNull(u.Bucket), "prefix": textOrNull(u.Prefix), "path": textOrNull(u.Path),
		"region": textOrNull(u.Region), "endpoint": textOrNull(u.Endpoint), "profile": textOrNull(u.Profile), "use_path_style": types.BoolNull(),
		"host": textOrNull(u.Host), "port": types.NumberNull(), "database": textOrNull(u.Database), "table": textOrNull(u.Table),
		"parameters": types.MapValueMust(types.StringType, map[string]attr.Value{}), "url": types.StringValue(u.String()),
	}
	if len(u.Parameters) > 0 {
		values["parameters"] = textMap(u.Parameters)
	}
	if u.Scheme == "s3" {
		values["use_path_style"] = types.BoolValue(u.PathStyle)
	}
	if u.Port != 0 {
		values["port"] = types.NumberValue(big.NewFloat(float64(u.Port)))
	}
	resp.Error = resp.Result.Set(ctx, types.ObjectValueMust(pulumiURLType, values))
}
