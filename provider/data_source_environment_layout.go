package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/layout"
)

var _ datasource.DataSource = (*environmentLayoutDataSource)(nil)

// environmentLayoutDataSource implements groundwork_environment_layout.
type environmentLayoutDataSource struct{}

// environmentLayoutModel is groundwork_environment_layout.
type environmentLayoutModel struct {
	Root         types.String `tfsdk:"root"`
	Environment  types.String `tfsdk:"environment"`
	Phases       types.List   `tfsdk:"phases"`
	Tool         types.String `tfsdk:"tool"`
	Environments types.Map    `tfsdk:"environments"`
	Keys         types.Map    `tfsdk:"keys"`
}

// environmentModel is one element of environments.
type environmentModel struct {
	Path      string               `tfsdk:"path"`
	Structure string               `tfsdk:"structure"`
	States    []configurationModel `tfsdk:"states"`
}

// configurationModel is one configuration of an environment, which has one state.
type configurationModel struct {
	Phase       types.String `tfsdk:"phase"`
	Path        string       `tfsdk:"path"`
	Key         string       `tfsdk:"key"`
	HasBackend  bool         `tfsdk:"has_backend"`
	BackendType types.String `tfsdk:"backend_type"`
	BackendFile types.String `tfsdk:"backend_file"`
	BackendKey  types.String `tfsdk:"backend_key"`
}

// NewEnvironmentLayoutDataSource returns the data source groundwork_environment_layout.
func NewEnvironmentLayoutDataSource() datasource.DataSource { return &environmentLayoutDataSource{} }

// Metadata implements datasource.DataSource.
func (d *environmentLayoutDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_environment_layout"
}

// Schema implements datasource.DataSource.
func (d *environmentLayoutDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "How environments are laid out on disk: as one configuration each (legacy, `dev/*.tf`), in phases (`dev/infra`, `dev/coder`), or part-way from the one to the other; and the state key that each configuration has by convention. It reads the files and makes no requests.",
		Attributes: map[string]schema.Attribute{
			"root": schema.StringAttribute{
				MarkdownDescription: "The directory that holds one directory for each environment, such as `environments`, relative to the working directory or absolute.",
				Required:            true, Validators: notEmpty(),
			},
			"environment": schema.StringAttribute{
				MarkdownDescription: "The one environment to look at. Left out: all that there are; hidden directories are passed over.",
				Optional:            true, Validators: notEmpty(),
			},
			"phases": schema.ListAttribute{
				MarkdownDescription: "The names of the phases' directories, in the order in which they are applied. Default: " + quotedList(layout.DefaultPhases()) + ".",
				Optional:            true, Computed: true, ElementType: types.StringType,
				Validators: []validator.List{listvalidator.SizeAtLeast(1), listvalidator.UniqueValues()},
			},
			"tool": schema.StringAttribute{
				MarkdownDescription: "The tool that decides which files count: `terraform` or `opentofu`, which reads `.tofu` files as well. Left out: what either of them reads.",
				Optional:            true, Validators: []validator.String{stringvalidator.OneOf(string(backendcfg.Terraform), string(backendcfg.OpenTofu))},
			},
			"environments": schema.MapNestedAttribute{
				MarkdownDescription: "The environments by name.",
				Computed:            true, NestedObject: schema.NestedAttributeObject{Attributes: environmentAttributes()},
			},
			"keys": schema.MapAttribute{
				MarkdownDescription: "The state keys by `environment/phase`, or by `environment` for a legacy configuration.",
				Computed:            true, ElementType: types.StringType,
			},
		},
	}
}

func environmentAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Computed: true}
	}
	return map[string]schema.Attribute{
		"path":      text("The environment's directory."),
		"structure": text("`legacy`, `phased`, `mixed` (a legacy configuration beside phases) or `empty` (no configuration)."),
		"states": schema.ListNestedAttribute{
			MarkdownDescription: "The configurations in it, each with a state of its own: the legacy one first, then the phases in order.",
			Computed:            true,
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"phase":        text("The phase's name; null for a legacy configuration."),
				"path":         text("The configuration's directory."),
				"key":          text("The key that the state has by convention: `infra/terraform.tfstate` for a phase, `dev/terraform.tfstate` for a legacy environment."),
				"has_backend":  schema.BoolAttribute{MarkdownDescription: "Whether a backend, or a `cloud` block, is configured. Without one the state is in a local file.", Computed: true},
				"backend_type": text("The type of the backend that the tool would use, override files included, or `cloud`; null without one."),
				"backend_file": text("The name of the file that it stands in; null without one."),
				"backend_key":  text("The key that it names; null where it names none."),
			}},
		},
	}
}

// Read implements datasource.DataSource.
func (d *environmentLayoutDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m environmentLayoutModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	options := layout.Options{Tool: backendcfg.Tool(m.Tool.ValueString()), Phases: listTexts(m.Phases)}
	if len(options.Phases) == 0 {
		options.Phases = layout.DefaultPhases()
	}
	environments, err := detect(m.Root.ValueString(), m.Environment.ValueString(), options)
	addLayoutErrors(&resp.Diagnostics, err)
	if resp.Diagnostics.HasError() {
		return
	}
	shown, keys := map[string]environmentModel{}, map[string]string{}
	for _, e := range environments {
		shown[e.Name] = environmentFrom(e, keys)
	}
	var diags diag.Diagnostics
	m.Phases = textList(options.Phases)
	m.Environments, diags = types.MapValueFrom(ctx, m.Environments.ElementType(ctx), shown)
	resp.Diagnostics.Append(diags...)
	m.Keys, diags = types.MapValueFrom(ctx, types.StringType, keys)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func detect(root, environment string, o layout.Options) ([]layout.Environment, error) {
	if environment == "" {
		return layout.Detect(root, o)
	}
	one, err := layout.DetectOne(root, environment, o)
	return []layout.Environment{one}, err
}

func environmentFrom(e layout.Environment, keys map[string]string) environmentModel {
	out := environmentModel{Path: e.Dir, Structure: string(e.Kind), States: []configurationModel{}}
	for _, p := range e.Configurations() {
		c := configurationModel{Phase: textOrNull(p.Name), Path: p.Dir, Key: p.StateKey, HasBackend: p.Backend != nil}
		if b := p.Backend; b != nil {
			key, _ := b.Text("key")
			c.BackendType, c.BackendFile, c.BackendKey = types.StringValue(b.Type), types.StringValue(b.File), textOrNull(key)
		}
		out.States = append(out.States, c)
		name := e.Name
		if p.Name != "" {
			name += "/" + p.Name
		}
		keys[name] = p.StateKey
	}
	return out
}

// addLayoutErrors adds each error by itself, at the attribute that it is about.
func addLayoutErrors(diags *diag.Diagnostics, err error) {
	if err == nil {
		return
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, e := range joined.Unwrap() {
			addLayoutErrors(diags, e)
		}
		return
	}
	const summary = "Unable to Read Environment Layout"
	var name *layout.NameError
	var dir *layout.DirError
	switch {
	case errors.As(err, &name) && name.What == "phase":
		diags.AddAttributeError(path.Root("phases"), summary, sentence(err.Error()))
	case errors.As(err, &name):
		diags.AddAttributeError(path.Root("environment"), summary, sentence(err.Error()))
	case errors.As(err, &dir):
		diags.AddAttributeError(path.Root("root"), summary, period(err.Error()))
	default:
		diags.AddError(summary, period(err.Error()))
	}
}
