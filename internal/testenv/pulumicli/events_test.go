package pulumicli

import "testing"

func FuzzParseEvents(f *testing.F) {
	f.Add([]byte(`{"resourcePreEvent":{"planning":true,"metadata":{"op":"update","urn":"u","type":"t","diffs":["a"],"detailedDiff":{"a":{}}}}}` + "\n"))
	f.Add([]byte(`{"diagnosticEvent":{"severity":"error","message":"m"}}` + "\n" + `{"summaryEvent":{"resourceChanges":{"same":1}}}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		report, err := parseEvents(data)
		if err == nil {
			report.Changed()
		}
	})
}

func TestParseEventsNamesTheLine(t *testing.T) {
	_, err := parseEvents([]byte("{}\nnonsense\n"))
	if err == nil || err.Error()[:7] != "line 2 " {
		t.Errorf("unexpected %v", err)
	}
}
