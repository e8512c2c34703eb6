package backendcfg

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inPostgres is the same set-up as scaleway, in PostgreSQL.
func inPostgres() Config {
	return Config{PG: &PG{SchemaName: "coder"}, RemoteStates: []RemoteState{{Name: "infra", PG: &PG{SchemaName: "infra"}}}}
}

func pgSkip() Config {
	return Config{
		PG:           &PG{SkipSchemaCreation: ptr(true), SkipTableCreation: ptr(true), SkipIndexCreation: ptr(false)},
		RemoteStates: []RemoteState{{Name: "blue", Workspace: "blue", Defaults: map[string]any{"id": nil}}},
	}
}

func pgTofu(t testing.TB) Config {
	t.Helper()
	c := Config{PG: &PG{SchemaName: `team "a" ${not} été`, TableName: "infra-states", IndexName: "infra by name"}, Target: mustTarget(t, "tofu", "1.10.0")}
	c.RemoteStates = []RemoteState{{Name: "dns", PG: &PG{SchemaName: "dns", TableName: "t"}, Workspace: "live"}}
	return c
}

func TestPGRefuses(t *testing.T) {
	const secret = "hunter2"
	for name, tt := range map[string]struct {
		set        func(*Config)
		field      string
		credential bool
	}{
		"URL with a password":    {func(c *Config) { c.PG.SchemaName = "postgres://u:" + secret + "@h/d" }, "pg.schema_name", true},
		"connection by keywords": {func(c *Config) { c.PG.SchemaName = "host=h user=u password=" + secret }, "pg.schema_name", true},
		"key's password":         {func(c *Config) { c.PG.SchemaName = "sslpassword=" + secret }, "pg.schema_name", true},
		"environment":            {func(c *Config) { c.PG.IndexName = "PG_CONN_STR=" + secret }, "pg.index_name", true},
		"in a remote state":      {func(c *Config) { c.RemoteStates[0].PG.SchemaName = "postgres://u:" + secret + "@h/d" }, `remote_states["infra"].schema_name`, true},
		"in a workspace":         {func(c *Config) { c.RemoteStates[0].Workspace = "postgres://u:" + secret + "@h/d" }, `remote_states["infra"].workspace`, true},
		"in a default by name":   {func(c *Config) { c.RemoteStates[0].Defaults = map[string]any{"conn_str": secret} }, `remote_states["infra"].defaults["conn_str"]`, true},

		"long name":           {func(c *Config) { c.PG.SchemaName = strings.Repeat("é", 32) }, "pg.schema_name", false},
		"control character":   {func(c *Config) { c.PG.SchemaName = "a\nb" }, "pg.schema_name", false},
		"reserved name":       {func(c *Config) { c.PG.SchemaName = "pg_states" }, "pg.schema_name", false},
		"table, Terraform":    {func(c *Config) { c.PG.TableName = "t" }, "pg.table_name", false},
		"index, Terraform":    {func(c *Config) { c.PG.IndexName = "i" }, "pg.index_name", false},
		"table, old OpenTofu": {func(c *Config) { c.PG.TableName, c.Target = "t", mustTarget(t, "tofu", "1.9.4") }, "pg.table_name", false},
		"index as table":      {func(c *Config) { c.PG.TableName, c.PG.IndexName, c.Target.Tool = "t", "t", OpenTofu }, "pg.index_name", false},
		"table as the index":  {func(c *Config) { c.PG.TableName, c.Target.Tool = defaultPGIndex, OpenTofu }, "pg.index_name", false},
		"lock":                {func(c *Config) { c.Lock.Mode = LockLockfile }, "lock", false},
		"no lock":             {func(c *Config) { c.Lock.Mode = LockNone }, "lock", false},
		"lock table":          {func(c *Config) { c.Lock.DynamoDBTable = "t" }, "lock", false},
		"remote by key":       {func(c *Config) { c.RemoteStates[0].Key = "k" }, `remote_states["infra"]`, false},
		"remote in a bucket":  {func(c *Config) { c.RemoteStates[0].S3 = &S3{} }, `remote_states["infra"]`, false},
		"remote's table":      {func(c *Config) { c.RemoteStates[0].PG.TableName = "t" }, `remote_states["infra"].table_name`, false},
		"remote beside s3":    {func(c *Config) { *c = scaleway(); c.RemoteStates[0].PG = &PG{} }, `remote_states["infra"]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := inPostgres()
			tt.set(&c)
			_, err := RenderTerraform(c)
			if _, again := RenderFragment(c); err == nil || again == nil {
				t.Fatalf("was rendered: %v, %v", err, again)
			}
			var credential *CredentialError
			var field *FieldError
			named := ""
			if errors.As(err, &credential) {
				named = credential.Field
			} else if errors.As(err, &field) {
				named = field.Field
			}
			if named != tt.field || (credential != nil) != tt.credential {
				t.Errorf("names %q, want %q: %v", named, tt.field, err)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds the secret: %v", err)
			}
			if tt.credential && strings.HasPrefix(tt.field, "pg.") && !strings.Contains(err.Error(), pgConnection) {
				t.Errorf("does not say where the connection belongs: %v", err)
			}
		})
	}
	for _, name := range []string{"pgstates", "Team A", strings.Repeat("s", 63), "public"} {
		if err := (Config{PG: &PG{SchemaName: name}}).Validate(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestPGAlwaysNamesTheSchema: what is left out would be PG_SCHEMA_NAME's to say.
func TestPGAlwaysNamesTheSchema(t *testing.T) {
	c := Config{PG: &PG{}}
	got, err := c.Arguments()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"schema_name": DefaultPGSchema}, got); diff != "" {
		t.Error(diff)
	}
	if w := c.Warnings(); len(w) > 0 {
		t.Errorf("warnings: %v", w)
	}
}

// TestPGEdit holds the edits of a pg backend to all that those of an s3 backend are held to.
func TestPGEdit(t *testing.T) {
	f := mustFragment(t, inPostgres())
	if f.Type() != "pg" || mustFragment(t, scaleway()).Type() != "s3" || (Fragment{}).Type() != "" {
		t.Fatalf("the fragment is of type %q", f.Type())
	}
	edited := 0
	for name, src := range corpus(t) {
		had, _, err := Extract(src, name)
		if err != nil {
			t.Fatal(err)
		}
		if had.Type() == "s3" {
			if _, err := Edit(src, name, f, EditOptions{Own: true}); !errors.As(err, new(*ConflictError)) {
				t.Errorf("%s: somebody's s3 backend was replaced: %v", name, err)
			}
			continue
		}
		edited++
		out := mustEdit(t, src, name, f)
		checkEdited(t, src, out, name, f)
		got, found, err := Extract(out, name)
		if diff := cmp.Diff(f, got); err != nil || !found || diff != "" {
			t.Errorf("%s: reads back otherwise: %v\n%s", name, err, diff)
		}
	}
	if edited < 25 {
		t.Errorf("only %d files were edited", edited)
	}
}

// TestPGAndS3 moves a managed block from one type to the other and back.
func TestPGAndS3(t *testing.T) {
	s3, pg := mustFragment(t, scaleway()), mustFragment(t, inPostgres())
	for _, src := range []string{"", "terraform {}\n", "terraform {\r\n  required_version = \">= 1\"\r\n}\r\n"} {
		one := mustEdit(t, []byte(src), "x.tf", s3)
		if _, err := Edit(one, "x.tf", pg, EditOptions{}); !errors.As(err, new(*ConflictError)) {
			t.Errorf("a backend of another type was replaced: %v", err)
		}
		two, err := Edit(one, "x.tf", pg, EditOptions{Own: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := Extract(two, "x.tf"); got.String() != pg.String() {
			t.Errorf("holds\n%s", got)
		}
		back, err := Edit(two, "x.tf", s3, EditOptions{Own: true})
		if err != nil || !bytes.Equal(back, one) {
			t.Errorf("going back: %v\n%s", err, cmp.Diff(string(one), string(back)))
		}
	}
	other := []byte("terraform {\n  backend \"pg\" {\n    schema_name = \"x\"\n  }\n}\n")
	if _, err := Edit(other, "x.tf", s3, EditOptions{Own: true}); !errors.As(err, new(*ConflictError)) {
		t.Errorf("somebody's pg backend was replaced: %v", err)
	}
	if _, err := Remove(other, "x.tf"); !errors.As(err, new(*NotManagedError)) {
		t.Errorf("somebody's pg backend was removed: %v", err)
	}
	if out, err := Edit(other, "x.tf", s3, EditOptions{AllowReplace: true}); err != nil || bytes.Contains(out, []byte(`"pg"`)) {
		t.Errorf("%v\n%s", err, out)
	}
}

// FuzzPGNames: a name comes out of the file as it went in, or not at all.
func FuzzPGNames(f *testing.F) {
	for _, s := range []string{"a", "${b}", "%{if}", `"`, `\`, "\n", "é", "e\u0301", "a\"}\n}", "host=h password=p", "postgres://u:p@h/d", "PG_CONN_STR: x"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, schema, table string) {
		c := Config{PG: &PG{SchemaName: schema, TableName: table}, Target: Target{Tool: OpenTofu}}
		c.RemoteStates = []RemoteState{{Name: "x", PG: &PG{SchemaName: table}, Workspace: schema}}
		out, err := RenderTerraform(c)
		if err != nil {
			if !errors.As(err, new(*FieldError)) && !errors.As(err, new(*CredentialError)) {
				t.Fatalf("undeclared error %T: %v", err, err)
			}
			return
		}
		back, found, err := ReadBack(string(out))
		if err != nil || !found {
			t.Fatalf("found %v: %v\n%s", found, err, out)
		}
		want := c
		want.Target = Target{}
		want.PG = &PG{SchemaName: or(schema, DefaultPGSchema), TableName: table}
		want.RemoteStates = []RemoteState{{Name: "x", PG: &PG{SchemaName: or(table, DefaultPGSchema)}, Workspace: schema}}
		if diff := cmp.Diff(want, back); diff != "" {
			t.Fatal(diff)
		}
		if shown := Redact(string(out)); shown != string(out) {
			t.Fatalf("a rendering counts as secret: %s", shown)
		}
	})
}
