package lease

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestComplete(t *testing.T) {
	a, err := Info{Path: "x"}.Complete()
	if err != nil || a.ID == "" || !strings.Contains(a.Who, "@") || a.Created.IsZero() || a.Path != "x" {
		t.Errorf("got %+v, %v", a, err)
	}
	b, err := Info{}.Complete()
	if err != nil || a.ID == b.ID {
		t.Errorf("two have the ID %s, %v", b.ID, err)
	}
	set := Info{ID: "1", Who: "me", Created: time.Unix(1, 0).UTC()}
	if got, err := set.Complete(); err != nil || got != set {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestEncodeIsWhatTerraformWrites(t *testing.T) {
	info := Info{ID: "1-2", Operation: "apply", Who: "me@here", Version: "1.2.3", Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Path: "b/k"}
	text, err := info.Encode("")
	const want = `{"ID":"1-2","Operation":"apply","Info":"","Who":"me@here","Version":"1.2.3","Created":"2026-01-02T03:04:05.000000006Z","Path":"b/k"}`
	if err != nil || text != want {
		t.Errorf("got %s, %v", text, err)
	}
	if text, err = info.Encode("a name"); err != nil || !strings.HasSuffix(text, `,"Name":"a name"}`) {
		t.Errorf("got %s, %v", text, err)
	}
	if back, name := Decode(text); back != info || name != "a name" {
		t.Errorf("back came %+v, %q", back, name)
	}
	if _, err := (Info{Created: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}).Encode(""); err == nil {
		t.Error("a year that JSON does not have is encoded")
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "null", "{}", `{"ID":"1","Who":"x","Created":"2026-01-02T03:04:05Z","Name":"n"}`, `{"ID":1}`, `{"Created":"never"}`, "held by me",
		`{"ID":"1"`, `[{"ID":"1"}]`, " {\"Info\":\"\\ud800\"}", "{\"ID\":\"\xff\"}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		info, name := Decode(text)
		if !json.Valid([]byte(text)) && (info != Info{} || name != "") {
			t.Errorf("%q is no JSON and gives %+v, %q", text, info, name)
		}
		again, err := info.Encode(name)
		if err != nil {
			return // a time that JSON does not have
		}
		if back, backName := Decode(again); !back.Created.Equal(info.Created) || back.ID != info.ID || back.Who != info.Who || backName != name {
			t.Errorf("%+v, %q became %+v, %q", info, name, back, backName)
		}
	})
}

func TestErrors(t *testing.T) {
	held := Held{Name: "dev", Fence: 3, Left: 90 * time.Second, Info: Info{Who: "anna@ci", Operation: "pulumi up"}}
	tests := map[string]struct {
		err  error
		kind error
		want string
	}{
		"held":     {&HeldError{Holder: held}, ErrHeld, `the lock "dev" is held by anna@ci for pulumi up, for another 1m30s unless it is renewed`},
		"waited":   {&HeldError{Holder: Held{Name: "dev", Endless: true}, Waited: 5 * time.Minute}, ErrHeld, `the lock "dev" is held by somebody, without an end; waited 5m0s`},
		"by hand":  {&HeldError{Holder: Held{Name: "dev", Endless: true, Data: strings.Repeat("ä", 70)}}, ErrHeld, `the lock "dev" is held by somebody who wrote "` + strings.Repeat("ä", 60) + `…", without an end`},
		"reserved": {&HeldError{Holder: Held{Name: "dev", Reserved: true, Info: held.Info}}, ErrHeld, `the lock "dev" is about to go to anna@ci for pulumi up, who waits for it`},
		"taken":    {&LostError{Name: "dev", Fence: 2, Now: &held}, ErrLost, `the lease on "dev" (fence 2) is lost: it expired or was broken, and now anna@ci holds the lock`},
		"gone":     {&LostError{Name: "dev", Fence: 2}, ErrLost, `the lease on "dev" (fence 2) is lost: it was broken, or it expired and was removed; nobody holds the lock now`},
	}
	for name, tc := range tests {
		if tc.err.Error() != tc.want || !errors.Is(tc.err, tc.kind) || errors.Is(tc.err, ErrChanged) {
			t.Errorf("%s: %s", name, tc.err)
		}
	}
	for _, c := range []struct {
		held Held
		want bool
	}{{held, false}, {Held{Endless: true}, false}, {Held{Left: -1}, true}, {Held{}, true}, {Held{Reserved: true}, false}} {
		if c.held.Expired() != c.want {
			t.Errorf("%+v: expired is %v", c.held, !c.want)
		}
	}
	if (Grant{}).Deadline() != (time.Time{}) || Certain.String() != "certain" || Lost.String() != "lost" {
		t.Error("unexpected zero values")
	}
}
