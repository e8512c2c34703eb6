package dynamolock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/awslocal"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// hardened is what a table gets that groundwork makes.
func hardened() Settings {
	return Settings{
		PointInTimeRecovery: aws.Bool(true), DeletionProtection: aws.Bool(true), Encryption: &Encryption{KMS: true},
		Tags: map[string]string{"team": "core", "cost centre": "42"},
	}
}

func everything() map[Capability]bool {
	return map[Capability]bool{CapPointInTimeRecovery: true, CapDeletionProtection: true, CapEncryption: true, CapTags: true}
}

func text(s string) types.AttributeValue           { return &types.AttributeValueMemberS{Value: s} }
func number(n int64) types.AttributeValue          { return &types.AttributeValueMemberN{Value: fmt.Sprint(n)} }
func fromNow(d time.Duration) types.AttributeValue { return number(time.Now().Add(d).UnixMilli()) }

func putItem(t *testing.T, c *Client, table string, item map[string]types.AttributeValue) {
	t.Helper()
	_, err := c.api.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item})
	must(t, err)
}

func drop(t *testing.T, c *Client, table string) {
	t.Helper()
	must(t, c.DropTable(t.Context(), table))
	if _, err := c.Observe(t.Context(), table); !errors.Is(err, ErrNotFound) {
		t.Errorf("after the drop: %v", err)
	}
	must(t, c.DropTable(t.Context(), table))
}

// Everything that AWS has is there after one call, shows, is changed and turned off.
func TestTableOnMoto(t *testing.T) {
	t.Parallel()
	c, name := onMoto(t), testenv.BucketName(t)
	for range 2 { // safe to repeat
		r, err := c.CreateTable(t.Context(), Spec{Table: name, Settings: hardened()})
		if err != nil || r.Adopted || len(r.Lacking) > 0 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	o, err := c.Observe(t.Context(), name)
	must(t, err)
	if !o.PointInTimeRecovery || !o.DeletionProtection || !o.Encryption.KMS || !strings.HasPrefix(o.Encryption.KeyID, "arn:aws:kms:") ||
		!cmp.Equal(o.Tags, hardened().Tags) || !strings.HasSuffix(o.ARN, ":table/"+name) {
		t.Errorf("shows %+v", o)
	}
	out, err := c.api.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	must(t, err)
	if out.Table.BillingModeSummary.BillingMode != types.BillingModePayPerRequest {
		t.Errorf("billed by %s", out.Table.BillingModeSummary.BillingMode)
	}
	_, err = c.Apply(t.Context(), name, Settings{
		PointInTimeRecovery: aws.Bool(false), DeletionProtection: aws.Bool(false),
		Tags: map[string]string{"team": "ops"}, RemoveTags: []string{"cost centre", "was never there"},
	}, nil)
	must(t, err)
	o, err = c.Observe(t.Context(), name)
	must(t, err)
	if o.PointInTimeRecovery || o.DeletionProtection || !cmp.Equal(o.Tags, map[string]string{"team": "ops"}) {
		t.Errorf("shows %+v", o)
	}
	drop(t, c, name)
}

// An emulation without the settings says so once, and refuses what was asked for by name.
func TestTableOnDynalite(t *testing.T) {
	t.Parallel()
	server := testenv.StartDynalite(t, awslocal.Options{TableDelay: 300 * time.Millisecond})
	c, name := newClient(t, configFor(server)), testenv.BucketName(t)
	r, err := c.CreateTable(t.Context(), Spec{Table: name, Settings: hardened(), Optional: everything()})
	must(t, err)
	if want := []Capability{CapDeletionProtection, CapEncryption, CapPointInTimeRecovery}; !slices.Equal(r.Lacking, want) {
		t.Errorf("lacking %v, want %v", r.Lacking, want)
	}
	o, err := c.Observe(t.Context(), name)
	must(t, err)
	if diff := cmp.Diff(&Observed{ARN: o.ARN, Tags: hardened().Tags}, o); diff != "" {
		t.Errorf("shows (-want +got):\n%s", diff)
	}
	for what, s := range map[Capability]Settings{
		CapPointInTimeRecovery: {PointInTimeRecovery: aws.Bool(true)},
		CapDeletionProtection:  {DeletionProtection: aws.Bool(true)},
		CapEncryption:          {Encryption: &Encryption{KMS: true}},
	} {
		_, err := c.Apply(t.Context(), name, s, nil)
		var lacks *LackingError
		if !errors.As(err, &lacks) || lacks.Setting != what || !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), server.Endpoint) {
			t.Errorf("%s: %v", what, err)
		}
	}
	drop(t, c, name)
}

func TestAdoption(t *testing.T) {
	t.Parallel()
	c, name := onMoto(t), testenv.BucketName(t)
	_, err := c.CreateTable(t.Context(), Spec{Table: name})
	must(t, err)
	putItem(t, c, name, map[string]types.AttributeValue{AttrLockID: text("b/k-md5"), AttrDigest: text("x")})
	var exists *ExistsError
	if _, err := c.CreateTable(t.Context(), Spec{Table: name, Settings: hardened()}); !errors.As(err, &exists) || !errors.Is(err, ErrExists) {
		t.Fatalf("unexpected %v", err)
	}
	r, err := c.CreateTable(t.Context(), Spec{Table: name, Adopt: true, Settings: hardened(), Adopted: Settings{PointInTimeRecovery: aws.Bool(true)}})
	must(t, err)
	o, err := c.Observe(t.Context(), name)
	must(t, err)
	if !r.Adopted || !o.PointInTimeRecovery || o.DeletionProtection || o.Encryption.KMS || len(o.Tags) > 0 {
		t.Errorf("%+v, shows %+v", r, o)
	}
	if live, err := c.LiveLocks(t.Context(), name); err != nil || len(live) > 0 {
		t.Errorf("a digest is no lock: %v, %v", live, err)
	}
	drop(t, c, name)
}

// Who may not delete a table leaves it as protected as it was.
func TestRefusedDropProtectsAgain(t *testing.T) {
	t.Parallel()
	proxy, cfg := testenv.MotoProxy(t), configFor(testenv.Moto(t))
	cfg.Endpoint = proxy.URL()
	c, name := newClient(t, cfg), testenv.BucketName(t)
	_, err := c.CreateTable(t.Context(), Spec{Table: name, Settings: hardened()})
	must(t, err)
	proxy.AddRule(s3proxy.Rule{
		Match:  s3proxy.Match{Func: func(r s3proxy.Request) bool { return strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DeleteTable") }},
		Action: s3proxy.RespondWith(400, `{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","Message":"no"}`, nil),
	})
	if err := c.DropTable(t.Context(), name); !errors.Is(err, ErrDenied) {
		t.Errorf("got %v", err)
	}
	o, err := c.Observe(t.Context(), name)
	must(t, err)
	if !o.DeletionProtection {
		t.Error("the table is left without protection")
	}
	drop(t, onMoto(t), name)
}

// A lease whose end nobody can read is held, in a list as for a drop.
func TestUnreadableLeases(t *testing.T) {
	t.Parallel()
	c, table := onDynalite(t), leaseTable(t, testenv.Dynalite(t))
	putItem(t, c, table, map[string]types.AttributeValue{AttrLockID: text(LeasePrefix + "dev"), AttrExpires: text("tomorrow")})
	live, err := c.LiveLocks(t.Context(), table)
	must(t, err)
	held, err := leases(t, c, table).List(t.Context())
	must(t, err)
	if len(live) != 1 || len(held) != 1 || !held[0].Endless {
		t.Errorf("live are %v, listed %+v", live, held)
	}
	// And one that has no fence to go on from is not asked for again and again.
	putItem(t, c, table, map[string]types.AttributeValue{AttrLockID: text(LeasePrefix + "prod"), AttrFence: text("one")})
	ctx, cancel := context.WithTimeout(t.Context(), faultTime)
	defer cancel()
	_, err = leases(t, c, table).Acquire(ctx, lease.Request{Name: "prod"}, lease.Wait{})
	if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), AttrFence) {
		t.Errorf("got %v", err)
	}
}

func TestOtherShapes(t *testing.T) {
	t.Parallel()
	attribute := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
	}
	key := func(name string, kind types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &name, KeyType: kind}
	}
	for name, in := range map[string]struct {
		attributes []types.AttributeDefinition
		keys       []types.KeySchemaElement
		says       string
	}{
		"number": {[]types.AttributeDefinition{attribute(AttrLockID, "N")}, []types.KeySchemaElement{key(AttrLockID, "HASH")}, "LockID (N, HASH)"},
		"name":   {[]types.AttributeDefinition{attribute("lockid", "S")}, []types.KeySchemaElement{key("lockid", "HASH")}, "lockid (S, HASH)"},
		"range": {
			[]types.AttributeDefinition{attribute(AttrLockID, "S"), attribute("At", "N")},
			[]types.KeySchemaElement{key(AttrLockID, "HASH"), key("At", "RANGE")}, "LockID (S, HASH), At (N, RANGE)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, table := onDynalite(t), testenv.BucketName(t)
			_, err := c.api.CreateTable(t.Context(), &dynamodb.CreateTableInput{
				TableName: &table, BillingMode: types.BillingModePayPerRequest, AttributeDefinitions: in.attributes, KeySchema: in.keys,
			})
			must(t, err)
			_, createErr := c.CreateTable(t.Context(), Spec{Table: table, Adopt: true})
			_, observeErr := c.Observe(t.Context(), table)
			for what, err := range map[string]error{"create": createErr, "observe": observeErr, "drop": c.DropTable(t.Context(), table)} {
				var other *OtherShapeError
				if !errors.As(err, &other) || !strings.Contains(err.Error(), in.says) || !strings.Contains(err.Error(), table) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if _, err := c.describe(t.Context(), table); err != nil {
				t.Errorf("the table is gone: %v", err)
			}
		})
	}
}

// A table in which somebody holds a lock stays, protected as it was, and the error names the lock.
func TestDropOfLockedTable(t *testing.T) {
	t.Parallel()
	item := func(id string, pairs ...any) map[string]types.AttributeValue {
		m := map[string]types.AttributeValue{AttrLockID: text(id)}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1].(types.AttributeValue)
		}
		return m
	}
	tests := map[string]struct {
		item map[string]types.AttributeValue
		says string // empty: no lock
	}{
		"terraform": {
			item("states/infra/terraform.tfstate", AttrInfo, text(`{"ID":"4711","Operation":"OperationTypeApply","Who":"me@here"}`)),
			`"states/infra/terraform.tfstate" held by me@here for OperationTypeApply, without an end (lock ID 4711)`,
		},
		"not JSON":            {item("states/a", AttrInfo, text("x")), `"states/a", without an end`},
		"nothing known":       {item("states/b"), `"states/b"`},
		"info beside digest":  {item("states/c", AttrInfo, text("{}"), AttrDigest, text("x")), `"states/c"`},
		"live lease":          {item(LeasePrefix+"pulumi:p/s", AttrInfo, text(`{"Who":"ci"}`), AttrFence, number(3), AttrExpires, fromNow(time.Hour)), `"pulumi:p/s" held by ci, for another`},
		"lease without sense": {item(LeasePrefix+"x", AttrExpires, number(0), "n", number(1)), ""},
		"expired lease":       {item(LeasePrefix+"x", AttrExpires, fromNow(-time.Hour)), ""},
		"released lease":      {item(LeasePrefix+"x", AttrFence, number(9)), ""},
		"digest":              {item("states/a-md5", AttrDigest, text("x")), ""},
		"record":              {item(OwnPrefix+"broken:1", "Record", text("{}")), ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, table := onMoto(t), testenv.BucketName(t)
			_, err := c.CreateTable(t.Context(), Spec{Table: table, Settings: Settings{DeletionProtection: aws.Bool(true)}})
			must(t, err)
			putItem(t, c, table, tc.item)
			may, err := c.MayDropTable(t.Context(), table), c.DropTable(t.Context(), table)
			if tc.says == "" {
				must(t, errors.Join(may, err))
				return
			}
			for _, err := range []error{may, err} {
				var live *LiveLockError
				if !errors.As(err, &live) || !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), tc.says) || live.Hint() == "" {
					t.Errorf("unexpected %v", err)
				}
			}
			if o, err := c.Observe(t.Context(), table); err != nil || !o.DeletionProtection {
				t.Errorf("afterwards %+v, %v", o, err)
			}
		})
	}
}

// A table of another account is told apart from one that is gone.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	arn := func(s *awslocal.Server) string { return "arn:aws:dynamodb:eu-west-3:" + s.AccountID + ":table/locks" }
	moto, dynalite := testenv.Moto(t), testenv.Dynalite(t)
	must(t, onMoto(t).Elsewhere(t.Context(), "locks", arn(moto)))
	must(t, onMoto(t).Elsewhere(t.Context(), "locks", ""))
	must(t, onDynalite(t).Elsewhere(t.Context(), "locks", arn(moto))) // it cannot tell
	var other *OtherAccountError
	if err := onMoto(t).Elsewhere(t.Context(), "locks", arn(dynalite)); !errors.As(err, &other) ||
		!strings.Contains(err.Error(), moto.AccountID) || !strings.Contains(err.Error(), dynalite.AccountID) {
		t.Errorf("another account: %v", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"abc": true, "a.b-c_D9": true, strings.Repeat("x", 255): true,
		"": false, "ab": false, strings.Repeat("x", 256): false, "a b": false, "locks/x": false, "löcks": false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, tc := range []struct {
		asked, arn string
		same       bool
	}{
		{"", "arn:aws:kms:eu-west-3:1:key/a", true},
		{"alias/x", "arn:aws:kms:eu-west-3:1:key/a", true},
		{"a", "arn:aws:kms:eu-west-3:1:key/a", true},
		{"b", "arn:aws:kms:eu-west-3:1:key/a", false},
		{"arn:aws:kms:eu-west-3:1:key/a", "arn:aws:kms:eu-west-3:1:key/a", true},
		{"arn:aws:kms:eu-west-3:1:key/b", "arn:aws:kms:eu-west-3:1:key/a", false},
	} {
		if SameKey(tc.asked, tc.arn) != tc.same {
			t.Errorf("%q and %q", tc.asked, tc.arn)
		}
	}
}
