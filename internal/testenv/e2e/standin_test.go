package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	fwprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	providerschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// standIn is the part of the cloud's provider that the scenario uses, on a server of the test: the
// arguments and attributes are called and typed as the real one has them. An instance is the server,
// users and databases are real ones, and permissions do what the service says they do.
type standIn struct {
	db *postgres.Server
	// one change at a time: PostgreSQL refuses two grants on one thing at once.
	one *sync.Mutex
}

// serveStandIn runs the stand-in in this process and returns how the tools find it.
func serveStandIn(t *testing.T, db *postgres.Server) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	config, closed := make(chan *plugin.ReattachConfig, 1), make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		failed <- tf6server.Serve("registry.terraform.io/scaleway/scaleway", providerserver.NewProtocol6(standIn{db, &sync.Mutex{}}),
			tf6server.WithDebug(ctx, config, closed), tf6server.WithoutLogStderrOverride(),
			tf6server.WithLoggingSink(t), tf6server.WithGoPluginLogger(hclog.NewNullLogger()))
	}()
	t.Cleanup(func() {
		cancel()
		<-closed
	})
	select {
	case err := <-failed:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("the stand-in for the cloud's provider does not start")
	case c := <-config:
		at := map[string]any{
			"Protocol": string(c.Protocol), "ProtocolVersion": c.ProtocolVersion, "Pid": os.Getpid(), "Test": true,
			"Addr": map[string]string{"Network": c.Addr.Network(), "String": c.Addr.String()},
		}
		text, err := json.Marshal(map[string]any{
			"registry.terraform.io/scaleway/scaleway": at, "registry.opentofu.org/scaleway/scaleway": at,
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return ""
}

// Metadata implements provider.Provider.
func (standIn) Metadata(_ context.Context, _ fwprovider.MetadataRequest, resp *fwprovider.MetadataResponse) {
	resp.TypeName = "scaleway"
}

// Schema implements provider.Provider.
func (standIn) Schema(_ context.Context, _ fwprovider.SchemaRequest, resp *fwprovider.SchemaResponse) {
	resp.Schema = providerschema.Schema{Attributes: map[string]providerschema.Attribute{
		"region": providerschema.StringAttribute{Optional: true},
	}}
}

// Configure implements provider.Provider.
func (standIn) Configure(context.Context, fwprovider.ConfigureRequest, *fwprovider.ConfigureResponse) {
}

// DataSources implements provider.Provider.
func (standIn) DataSources(context.Context) []func() datasource.DataSource { return nil }

// Resources implements provider.Provider.
func (s standIn) Resources(context.Context) []func() resource.Resource {
	var list []func() resource.Resource
	for _, r := range []*standInResource{s.instance(), s.acl(), s.user(), s.database(), s.privilege()} {
		list = append(list, func() resource.Resource { return r })
	}
	return list
}

// standInResource is one kind of resource.
type standInResource struct {
	name   string
	schema schema.Schema
	// create gets what was configured, and returns what is computed.
	create func(ctx context.Context, get func(string) string) (map[string]any, error)
	// destroy may be nil: the server goes with the test.
	destroy func(ctx context.Context, get func(string) string) error
}

// Metadata implements resource.Resource.
func (r *standInResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "scaleway_rdb_" + r.name
}

// Schema implements resource.Resource.
func (r *standInResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = r.schema
}

// Create implements resource.Resource.
func (r *standInResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	resp.State.Raw = req.Plan.Raw
	computed, err := r.create(ctx, func(name string) string {
		var value types.String
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(name), &value)...)
		return value.ValueString()
	})
	if err != nil {
		resp.Diagnostics.AddError("Unable to Create", err.Error())
		return
	}
	for name, value := range computed {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// Read implements resource.Resource: nothing changes by itself.
func (*standInResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

// Update implements resource.Resource.
func (*standInResource) Update(_ context.Context, _ resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.AddError("Unable to Update", "The scenario changes nothing after it was applied.")
}

// Delete implements resource.Resource.
func (r *standInResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	if r.destroy == nil {
		return
	}
	err := r.destroy(ctx, func(name string) string {
		var value types.String
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root(name), &value)...)
		return value.ValueString()
	})
	if err != nil {
		resp.Diagnostics.AddError("Unable to Delete", err.Error())
	}
}

func computedID() schema.StringAttribute {
	return schema.StringAttribute{Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}}
}

var (
	required = schema.StringAttribute{Required: true}
	optional = schema.StringAttribute{Optional: true}
)

// passwords are the arguments for one, of an instance as of a user.
func passwords(more map[string]schema.Attribute) map[string]schema.Attribute {
	more["id"] = computedID()
	more["password"] = schema.StringAttribute{Optional: true, Sensitive: true}
	more["password_wo"] = schema.StringAttribute{Optional: true, WriteOnly: true}
	more["password_wo_version"] = schema.Int64Attribute{Optional: true}
	return more
}

const instanceID = "fr-par/11111111-1111-1111-1111-111111111111"

func (s standIn) instance() *standInResource {
	endpoint := schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
		"ip": schema.StringAttribute{Computed: true}, "hostname": schema.StringAttribute{Computed: true},
		"port": schema.Int64Attribute{Computed: true},
	}}
	return &standInResource{
		name: "instance",
		schema: schema.Schema{Attributes: passwords(map[string]schema.Attribute{
			"name": optional, "engine": optional, "node_type": required, "region": optional, "user_name": optional,
			"encryption_at_rest": schema.BoolAttribute{Optional: true},
			"tags":               schema.ListAttribute{Optional: true, ElementType: types.StringType},
			"certificate":        computedID(),
			"load_balancer": schema.ListNestedAttribute{
				Computed: true, NestedObject: endpoint, PlanModifiers: []planmodifier.List{listplanmodifier.UseStateForUnknown()},
			},
		})},
		create: func(ctx context.Context, get func(string) string) (map[string]any, error) {
			authority, err := os.ReadFile(s.db.CAFile)
			if err != nil {
				return nil, err
			}
			type at struct {
				IP       string `tfsdk:"ip"`
				Hostname string `tfsdk:"hostname"`
				Port     int    `tfsdk:"port"`
			}
			err = s.exec(ctx, "postgres", "CREATE DATABASE rdb", createRole(get("user_name"), get("password_wo"), "CREATEDB IN ROLE groundwork_tls"))
			return map[string]any{
				"id": instanceID, "certificate": string(authority),
				"load_balancer": []at{{IP: s.db.Host, Port: s.db.Port}}, // without a name, as some endpoints are
			}, err
		},
	}
}

func (s standIn) acl() *standInResource {
	return &standInResource{
		name: "acl",
		schema: schema.Schema{
			Attributes: map[string]schema.Attribute{"id": computedID(), "instance_id": required},
			Blocks: map[string]schema.Block{"acl_rules": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{
				Attributes: map[string]schema.Attribute{"ip": required, "description": optional},
			}}},
		},
		create: func(context.Context, func(string) string) (map[string]any, error) {
			return map[string]any{"id": instanceID}, nil
		},
	}
}

func (s standIn) user() *standInResource {
	return &standInResource{
		name: "user",
		schema: schema.Schema{Attributes: passwords(map[string]schema.Attribute{
			"instance_id": required, "name": required, "is_admin": schema.BoolAttribute{Optional: true},
		})},
		create: func(ctx context.Context, get func(string) string) (map[string]any, error) {
			return map[string]any{"id": get("instance_id") + "/" + get("name")},
				s.exec(ctx, "postgres", createRole(get("name"), get("password_wo"), ""))
		},
	}
}

// database belongs to nobody who can log in, and lets nobody in.
func (s standIn) database() *standInResource {
	return &standInResource{
		name:   "database",
		schema: schema.Schema{Attributes: map[string]schema.Attribute{"id": computedID(), "instance_id": required, "name": required}},
		create: func(ctx context.Context, get func(string) string) (map[string]any, error) {
			name := quoted(get("name"))
			return map[string]any{"id": get("instance_id") + "/" + get("name")},
				s.exec(ctx, "postgres", "CREATE DATABASE "+name, "REVOKE ALL ON DATABASE "+name+" FROM PUBLIC")
		},
		destroy: func(ctx context.Context, get func(string) string) error {
			return s.exec(ctx, "postgres", "DROP DATABASE "+quoted(get("name"))+" WITH (FORCE)")
		},
	}
}

// privilege gives rights on what is there at that moment.
func (s standIn) privilege() *standInResource {
	return &standInResource{
		name: "privilege",
		schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"id": computedID(), "instance_id": required, "database_name": required, "user_name": required, "permission": required,
		}},
		create: func(ctx context.Context, get func(string) string) (map[string]any, error) {
			database, user := quoted(get("database_name")), quoted(get("user_name"))
			grants := map[string][]string{
				"all": {"GRANT ALL ON DATABASE " + database + " TO " + user, "GRANT ALL ON SCHEMA public TO " + user},
				"readonly": {
					"GRANT CONNECT ON DATABASE " + database + " TO " + user, "GRANT USAGE ON SCHEMA public TO " + user,
					"GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + user,
				},
			}[get("permission")]
			if grants == nil {
				return nil, fmt.Errorf("the stand-in knows no permission %q", get("permission"))
			}
			return map[string]any{"id": get("instance_id") + "/" + get("database_name") + "/" + get("user_name")},
				s.exec(ctx, get("database_name"), grants...)
		},
	}
}

func createRole(name, password, attributes string) string {
	return fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s' %s", quoted(name), strings.ReplaceAll(password, "'", "''"), attributes)
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

func (s standIn) exec(ctx context.Context, database string, statements ...string) error {
	s.one.Lock()
	defer s.one.Unlock()
	for _, sql := range statements { // one by one: CREATE DATABASE takes no company
		if err := s.db.Exec(ctx, database, sql); err != nil {
			return err
		}
	}
	return nil
}
