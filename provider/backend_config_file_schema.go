package provider

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendfile"
)

const defaultFilePermission = "0644"

// backendFormats are the formats of both the resource and the data source.
var backendFormats = []string{
	string(backendcfg.FormatTerraform), string(backendcfg.FormatTFBackend), string(backendcfg.FormatPulumiProject), string(backendcfg.FormatDotenv),
}

// placementDefault fills a placement that is left out, which depends on the format.
type placementDefault struct{}

// Description implements planmodifier.String.
func (placementDefault) Description(context.Context) string {
	return "block for the formats pulumi_project and dotenv, else file"
}

// MarkdownDescription implements planmodifier.String.
func (m placementDefault) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

// PlanModifyString implements planmodifier.String.
func (placementDefault) PlanModifyString(ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if !req.ConfigValue.IsNull() || req.Plan.Raw.IsNull() {
		return
	}
	var format types.String
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("format"), &format)...)
	if format.IsUnknown() {
		resp.PlanValue = types.StringUnknown()
		return
	}
	resp.PlanValue = types.StringValue(string(backendfile.DefaultPlacement(backendcfg.Format(format.ValueString()))))
}

var filePermission = regexp.MustCompile(`^0?[67][0-7]{2}$`)

// Schema implements resource.Resource.
func (r *backendFileResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := backendInputAttributes()
	for name, a := range backendFileAttributes() {
		attributes[name] = a
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The backend configuration of Terraform, OpenTofu or Pulumi, written to a file of its own, or into a file that exists. The plan shows the text. " +
			"The file is meant to be committed: it never holds credentials.\n\n" +
			"Writing is atomic, edits of one file come one after the other, and inside an existing file every byte but groundwork's own blocks stays as it is. " +
			"Before it writes, groundwork looks for what would keep the tool from using the file: a second backend, a `cloud` block, override files, OpenTofu's `.tofu` twins. " +
			"A `backend_override.tf` with `backend \"local\"`, as a bootstrap has it, is a warning only.\n\n" +
			"In a `Pulumi.yaml`, `backend.url` is all that is changed, with its quotes and the comment after it kept. What cannot be edited safely is refused with the line: several documents, anchors, aliases and merge keys at the backend, braces, text over several lines, keys that are there twice, tabs. " +
			"A destroy takes `backend.url` out again if it still is what groundwork wrote, and a file that groundwork made and nobody added to.\n\n" +
			"In a `.env` file the variables stand between two comments, at the end or where those comments are. A line elsewhere that sets one of them is in the way: `if_exists` decides, and what is taken over leaves its comment behind. Values are in single quotes where anything could read them otherwise, which shells, Docker Compose and the dotenv libraries understand, and `docker run --env-file` does not.",
		Attributes: attributes,
	}
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *backendFileResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"path": identityschema.StringAttribute{RequiredForImport: true, Description: "The file's path."},
	}}
}

func backendFileAttributes() map[string]schema.Attribute {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	return map[string]schema.Attribute{
		"path": schema.StringAttribute{
			MarkdownDescription: "The file, relative to the working directory or absolute. Missing directories are made. It must be inside `root`, symbolic links resolved. Changing it replaces the file.",
			Required:            true, PlanModifiers: replace, Validators: notEmpty(),
		},
		"root": schema.StringAttribute{
			MarkdownDescription: "The directory that the file must be in. Name one to write elsewhere, such as `..` for `../other/backend.tf`. Default: `.`, the working directory.",
			Optional:            true, Computed: true, Default: stringdefault.StaticString("."), Validators: notEmpty(),
		},
		"format": schema.StringAttribute{
			MarkdownDescription: "`terraform` (a `terraform` block), `tfbackend` (a partial configuration for `init -backend-config=FILE`), `pulumi_project` (`backend.url` in a `Pulumi.yaml`) or `dotenv` (variables in a `.env` file). Changing it replaces the file. Default: `terraform`.",
			Optional:            true, Computed: true, PlanModifiers: replace,
			Default:    stringdefault.StaticString(string(backendcfg.FormatTerraform)),
			Validators: []validator.String{stringvalidator.OneOf(backendFormats...)},
		},
		"placement": schema.StringAttribute{
			MarkdownDescription: "`file` (the whole file is groundwork's) or `block` (groundwork's blocks inside a file that is otherwise yours, such as `providers.tf`; with `format = \"terraform\"` only). " +
				"An empty `backend \"s3\" {}` or `backend \"pg\" {}` marks where the block is to go; without one it goes into the `terraform` block. A destroy takes the blocks out again, and removes the file only if nothing else is in it. With `pulumi_project` and `dotenv` it is always a part of a file. Changing it replaces the resource. Default: `block` with those two, else `file`.",
			Optional: true, Computed: true,
			PlanModifiers: []planmodifier.String{placementDefault{}, stringplanmodifier.RequiresReplace()},
			Validators:    []validator.String{stringvalidator.OneOf(string(backendfile.WholeFile), string(backendfile.Block))},
		},
		"if_exists": schema.StringAttribute{
			MarkdownDescription: "What to do when the file, or a backend in it, is there before this resource: `error` refuses; `adopt_identical` takes over what says the same, comments and spacing aside, and puts it into groundwork's words; " +
				"`overwrite` replaces whatever is there, a backend of another type included. Text that is byte by byte what would be written passes in any case: it is what an interrupted run leaves, and nothing is lost by it. Default: `error`.",
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(backendcfg.IfExistsError)),
			Validators: []validator.String{stringvalidator.OneOf(
				string(backendcfg.IfExistsError), string(backendcfg.IfExistsAdoptIdentical), string(backendcfg.IfExistsOverwrite))},
		},
		"file_permission": schema.StringAttribute{
			MarkdownDescription: "The permission of a file that groundwork creates, in octal and whatever the umask. A file that exists keeps its own. Default: `0644`.",
			Optional:            true, Computed: true, Default: stringdefault.StaticString(defaultFilePermission),
			Validators: []validator.String{stringvalidator.RegexMatches(filePermission, "write an octal mode that lets the owner read and write, such as 0644")},
		},
		"id": schema.StringAttribute{
			MarkdownDescription: "The import ID, which is the path.", Computed: true,
		},
		"content": schema.StringAttribute{
			MarkdownDescription: "What groundwork manages: the whole file, or its blocks, never the rest of the file. After a refresh it is what stands on disk, so that a change by hand shows, and the next apply undoes it. " +
				"If somebody wrote a credential into it, a line says so instead.",
			Computed: true,
		},
		"content_sha256": schema.StringAttribute{
			MarkdownDescription: "The SHA-256 of the content that groundwork wrote last, in lower-case hexadecimal. A whole file with another one was changed since, and is not deleted by a destroy.",
			Computed:            true,
		},
	}
}
