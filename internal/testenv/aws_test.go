package testenv

import "testing"

func TestAWSServersAreShared(t *testing.T) {
	moto, dynalite := Moto(t), Dynalite(t)
	if Moto(t) != moto || Dynalite(t) != dynalite {
		t.Error("a second server was started")
	}
	if moto.Endpoint == dynalite.Endpoint {
		t.Error("moto and dynalite are one server")
	}
}
