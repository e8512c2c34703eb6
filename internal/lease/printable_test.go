package lease

import "testing"

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Zoë@büro 日本 ✓": "Zoë@büro 日本 ✓", `back\slash "quoted"`: `back\slash "quoted"`,
		"\x1b[31mred\nline\r\x07": `\x1b[31mred\nline\r\a`, "c1\u009b": `c1\u009b`, "ev\u202eil": `ev\u202eil`, "\ufeff\x7f": `\ufeff\x7f`,
		"c1\x9b31m \ufffd": "c1\\x9b31m \ufffd", "half\xe2\x82": `half\xe2\x82`,
	} {
		if got := Printable(text); got != want || Printable(got) != got {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
	info, _ := Decode(`{"ID":"a\u001bb","Who":"w\u001b[1m","Operation":"o\n","Info":"i\r","Version":"v\t","Path":"p\u0000"}`)
	if want := (Info{ID: "a\x1bb", Who: `w\x1b[1m`, Operation: `o\n`, Info: `i\r`, Version: `v\t`, Path: `p\x00`}); info != want {
		t.Errorf("decoded %+v", info)
	}
}

func TestPlainID(t *testing.T) {
	for id, want := range map[string]bool{
		"4ee16c10-3c17-4c4b-a93a-e1f7a42e1e58": true, "pulumi:s3://bucket/a_b": true, "me@host+1": true, "": false, "a b": false,
		"x;rm -rf ~": false, "$(x)": false, "`x`": false, "a'b": false, "-f": false, "a\x1b": false, "ü": false, "*": false, "~": false,
	} {
		if PlainID(id) != want {
			t.Errorf("%q: %t", id, !want)
		}
	}
	long := make([]byte, 129)
	for i := range long {
		long[i] = 'a'
	}
	if PlainID(string(long)) || !PlainID(string(long[1:])) {
		t.Error("the length is not minded")
	}
}
