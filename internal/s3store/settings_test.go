package s3store

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

func TestTagChange(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		have   map[string]string
		change TagChange
		want   map[string]string
	}{
		"nothing":             {nil, TagChange{}, map[string]string{}},
		"a new one":           {nil, TagChange{Set: map[string]string{"a": "1"}}, map[string]string{"a": "1"}},
		"foreign ones stay":   {map[string]string{"x": "y"}, TagChange{Set: map[string]string{"a": "1"}}, map[string]string{"a": "1", "x": "y"}},
		"one replaced":        {map[string]string{"a": "0"}, TagChange{Set: map[string]string{"a": "1"}}, map[string]string{"a": "1"}},
		"one removed":         {map[string]string{"a": "0", "x": "y"}, TagChange{Remove: []string{"a"}}, map[string]string{"x": "y"}},
		"set outranks remove": {nil, TagChange{Set: map[string]string{"a": "1"}, Remove: []string{"a"}}, map[string]string{"a": "1"}},
		"one that is not":     {map[string]string{"x": "y"}, TagChange{Remove: []string{"a"}}, map[string]string{"x": "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := maps.Clone(tc.have)
			if diff := cmp.Diff(tc.want, tc.change.apply(tc.have)); diff != "" {
				t.Errorf("unexpected tags (-want +got):\n%s", diff)
			}
			if !maps.Equal(before, tc.have) {
				t.Error("what was there was changed")
			}
		})
	}
}

func TestAsked(t *testing.T) {
	t.Parallel()
	on, off, all := aws.Bool(true), aws.Bool(false), everything()
	for name, tc := range map[string]struct {
		in   Settings
		want []Capability
	}{
		"nothing": {},
		"everything": {
			Settings{
				Versioning: on, Encryption: &Encryption{Algorithm: EncryptionAES256}, BlockPublicAccess: on, RequireTLS: on,
				Lifecycle: &all, Access: &[]Access{{}}, Tags: &TagChange{Set: map[string]string{"a": "b"}},
				ObjectLock: &ObjectLock{Mode: "GOVERNANCE", Days: 1}, Logging: &Logging{TargetBucket: "logs"},
			},
			[]Capability{
				CapVersioning, CapEncryption, CapPublicAccessBlock, CapRequireTLS, CapLifecycleNoncurrent, CapLifecycleVersionsToKeep,
				CapLifecycleAbortUploads, CapLifecycleDeleteMarkers, CapLifecycleExpirations, CapPolicy, CapTags, CapObjectLock, CapLogging,
			},
		},
		"everything off": {Settings{
			Versioning: off, Encryption: &Encryption{Algorithm: EncryptionNone}, BlockPublicAccess: off, RequireTLS: off,
			Lifecycle: &Lifecycle{NoncurrentExpirationDays: days(0), ExpireDeleteMarkers: off, Expirations: map[string]int32{}},
			Access:    &[]Access{}, Policy: &PolicyClaim{Remove: []string{"x"}}, Tags: &TagChange{Remove: []string{"x"}}, Logging: &Logging{},
		}, nil},
		"a claim": {Settings{Policy: &PolicyClaim{Statements: []Statement{{}}}}, []Capability{CapPolicy}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []Capability
			for c, asked := range tc.in.Asked() {
				if asked {
					got = append(got, c)
				}
			}
			if got = SortCapabilities(got); !slices.Equal(got, tc.want) {
				t.Errorf("asked for %v", got)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	c := newClient(t, Config{Service: "aws", Region: "eu-west-3"})
	w := c.policyWriter("b", "eu-west-3")
	on, off := aws.Bool(true), aws.Bool(false)
	entry := Access{Level: AccessReadOnly, Principals: []string{awsRole}}
	policy := func(statements ...Statement) *PolicyDocument { return &PolicyDocument{Statements: statements} }
	mine := Statement{"Mine", []byte(`{"Sid":"Mine","Action":"a"}`)}
	owned := func(l Lifecycle) LifecycleDocument { return LifecycleDocument{Owned: l} }
	tests := map[string]struct {
		want       Settings
		kept, lost Observed
		capability Capability
	}{
		"versioning on":     {Settings{Versioning: on}, Observed{Versioning: "Enabled"}, Observed{Versioning: "Suspended"}, CapVersioning},
		"versioning off":    {Settings{Versioning: off}, Observed{}, Observed{Versioning: "Enabled"}, CapVersioning},
		"encryption":        {Settings{Encryption: &Encryption{Algorithm: "AES256"}}, Observed{Encryption: &Encryption{Algorithm: "AES256"}}, Observed{}, CapEncryption},
		"encryption by KMS": {Settings{Encryption: &Encryption{Algorithm: "aws:kms", KMSKeyID: "alias/x"}}, Observed{Encryption: &Encryption{Algorithm: "aws:kms", KMSKeyID: "arn"}}, Observed{Encryption: &Encryption{Algorithm: "AES256"}}, CapEncryption},
		"no encryption":     {Settings{Encryption: &Encryption{Algorithm: EncryptionNone}}, Observed{}, Observed{Encryption: &Encryption{Algorithm: "AES256"}}, CapEncryption},
		"no public access":  {Settings{BlockPublicAccess: on}, Observed{PublicAccessBlocked: true}, Observed{}, CapPublicAccessBlock},
		"public access":     {Settings{BlockPublicAccess: off}, Observed{}, Observed{PublicAccessBlocked: true}, CapPublicAccessBlock},
		"TLS":               {Settings{RequireTLS: on}, Observed{Policy: policy(w.requireTLS())}, Observed{Policy: policy(mine)}, CapRequireTLS},
		"TLS no more":       {Settings{RequireTLS: off}, Observed{}, Observed{Policy: policy(w.requireTLS())}, CapRequireTLS},
		"access":            {Settings{Access: &[]Access{entry}}, Observed{Policy: policy(w.access(entry)...)}, Observed{Policy: policy(w.access(entry)[0])}, CapPolicy},
		"no access":         {Settings{Access: &[]Access{}}, Observed{Policy: policy(mine)}, Observed{Policy: policy(w.access(entry)...)}, CapPolicy},
		"a claim":           {Settings{Policy: &PolicyClaim{Statements: []Statement{mine}}}, Observed{Policy: policy(mine)}, Observed{}, CapPolicy},
		"a claim given up":  {Settings{Policy: &PolicyClaim{Remove: []string{"Mine"}}}, Observed{}, Observed{Policy: policy(mine)}, CapPolicy},
		"a tag":             {Settings{Tags: &TagChange{Set: map[string]string{"a": "b"}}}, Observed{Tags: map[string]string{"a": "b", "x": "y"}}, Observed{Tags: map[string]string{"x": "y"}}, CapTags},
		"a tag removed":     {Settings{Tags: &TagChange{Remove: []string{"a"}}}, Observed{}, Observed{Tags: map[string]string{"a": "b"}}, CapTags},
		"logging":           {Settings{Logging: &Logging{TargetBucket: "l"}}, Observed{Logging: &Logging{TargetBucket: "l"}}, Observed{}, CapLogging},
		"logging off":       {Settings{Logging: &Logging{}}, Observed{}, Observed{Logging: &Logging{TargetBucket: "l"}}, CapLogging},
		"noncurrent":        {Settings{Lifecycle: &Lifecycle{NoncurrentExpirationDays: days(9)}}, Observed{Lifecycle: owned(Lifecycle{NoncurrentExpirationDays: days(9)})}, Observed{}, CapLifecycleNoncurrent},
		"to keep":           {Settings{Lifecycle: &Lifecycle{NoncurrentVersionsToKeep: days(9)}}, Observed{Lifecycle: owned(Lifecycle{NoncurrentVersionsToKeep: days(9)})}, Observed{}, CapLifecycleVersionsToKeep},
		"uploads":           {Settings{Lifecycle: &Lifecycle{AbortIncompleteUploadsDays: days(9)}}, Observed{Lifecycle: owned(Lifecycle{AbortIncompleteUploadsDays: days(9)})}, Observed{}, CapLifecycleAbortUploads},
		"markers":           {Settings{Lifecycle: &Lifecycle{ExpireDeleteMarkers: on}}, Observed{Lifecycle: owned(Lifecycle{ExpireDeleteMarkers: on})}, Observed{}, CapLifecycleDeleteMarkers},
		"expirations":       {Settings{Lifecycle: &Lifecycle{Expirations: map[string]int32{"x/": 1}}}, Observed{Lifecycle: owned(Lifecycle{Expirations: map[string]int32{"x/": 1}})}, Observed{Lifecycle: owned(Lifecycle{Expirations: map[string]int32{"x/": 1, "y/": 1}})}, CapLifecycleExpirations},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if soft, err := c.Verify("b", tc.want, nil, &tc.kept, nil); err != nil || len(soft) > 0 {
				t.Errorf("what was kept is reported: %v, %v", soft, err)
			}
			_, err := c.Verify("b", tc.want, nil, &tc.lost, nil)
			var lost *NotKeptError
			if !errors.As(err, &lost) || !slices.Equal(lost.Capabilities, []Capability{tc.capability}) || !strings.Contains(err.Error(), `"b"`) {
				t.Errorf("what was lost is not reported: %v", err)
			}
			if soft, err := c.Verify("b", tc.want, nil, &tc.lost, Optional{tc.capability: true}); err != nil || !slices.Equal(soft, []Capability{tc.capability}) {
				t.Errorf("an optional setting gives %v, %v", soft, err)
			}
			if soft, err := c.Verify("b", tc.want, []Capability{tc.capability}, &tc.lost, nil); err != nil || len(soft) > 0 {
				t.Errorf("a known lack is reported again: %v, %v", soft, err)
			}
		})
	}
}
