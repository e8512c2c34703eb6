package statefile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// generated is a state of any size that exists only as it is read: like those
// of real providers in shape and indentation, some 2.2 KB for an instance.
type generated struct {
	blocks, perBlock int
	next             int
	pending          bytes.Buffer
}

// newGenerated has so many resource blocks with so many instances each.
func newGenerated(blocks, perBlock int) *generated {
	return &generated{blocks: blocks, perBlock: perBlock, next: -1}
}

// Read implements io.Reader.
func (g *generated) Read(p []byte) (int, error) {
	for g.pending.Len() < len(p) && g.next <= g.blocks*g.perBlock {
		g.write()
		g.next++
	}
	return g.pending.Read(p)
}

func (g *generated) write() {
	switch i := g.next; {
	case i < 0:
		g.pending.WriteString("{\n  \"version\": 4,\n  \"terraform_version\": \"1.11.4\",\n  \"serial\": 42,\n" +
			"  \"lineage\": \"808673eb-fe69-9b7d-583e-8a35be5f7b29\",\n  \"outputs\": {},\n  \"resources\": [\n")
	case i == g.blocks*g.perBlock:
		g.pending.WriteString("  ],\n  \"check_results\": null\n}\n")
	default:
		if i%g.perBlock == 0 {
			fmt.Fprintf(&g.pending, blockHead, i%50, i)
		}
		digits := fmt.Sprintf("%08d", i)
		for _, piece := range instancePieces[:len(instancePieces)-1] {
			g.pending.WriteString(piece)
			g.pending.WriteString(digits)
		}
		g.pending.WriteString(instancePieces[len(instancePieces)-1])
		if i%g.perBlock < g.perBlock-1 {
			g.pending.WriteString(",\n")
			break
		}
		g.pending.WriteString("\n      ]\n    }" + strings.Repeat(",", count(i < g.blocks*g.perBlock-1)) + "\n")
	}
}

// instancePieces is the text of an instance, cut where its number belongs.
var instancePieces = strings.Split(instanceText, "########")

const (
	blockHead = `    {
      "module": "module.region[\"eu-%d\"].module.web",
      "mode": "managed",
      "type": "aws_instance",
      "name": "web_%d",
      "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
      "instances": [
`
	instanceText = `        {
          "index_key": 1########,
          "schema_version": 1,
          "attributes": {
            "ami": "ami-0123456789abcdef0",
            "arn": "arn:aws:ec2:eu-west-1:123456789012:instance/i-000000000########",
            "associate_public_ip_address": false,
            "availability_zone": "eu-west-1a",
            "capacity_reservation_specification": [
              {
                "capacity_reservation_preference": "open",
                "capacity_reservation_target": []
              }
            ],
            "cpu_core_count": 2,
            "disable_api_termination": false,
            "ebs_block_device": [],
            "id": "i-000000000########",
            "instance_state": "running",
            "instance_type": "t3.large",
            "ipv6_addresses": [],
            "key_name": "key-########",
            "primary_network_interface_id": "eni-000000000########",
            "private_dns": "ip-10-0-########-1.eu-west-1.compute.internal",
            "root_block_device": [
              {
                "device_name": "/dev/xvda",
                "encrypted": true,
                "iops": 3000,
                "tags": {},
                "volume_id": "vol-000000000########",
                "volume_size": 100,
                "volume_type": "gp3"
              }
            ],
            "user_data": "#!/bin/sh\nset -eu\necho \"data data data data data data data data data data data data data data data data data data data data data data data data data data data data data data \"\n",
            "tags": {
              "Name": "web-########",
              "Owner": "team \"core\"",
              "Stage": "production"
            },
            "vpc_security_group_ids": [
              "sg-000000000########",
              "sg-000000000########"
            ]
          },
          "sensitive_attributes": [],
          "private": "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB",
          "dependencies": [
            "module.region.module.web.aws_security_group.web",
            "module.region.module.web.aws_subnet.private",
            "module.region.module.web.data.aws_ami.debian"
          ]
        }`
)

// newGeneratedCheckpoint is a Pulumi checkpoint of so many resources.
func newGeneratedCheckpoint(resources int) io.Reader {
	head := `{"version":3,"checkpoint":{"stack":"organization/shop/dev","latest":{"manifest":{"version":"v3.256.0"},"resources":[`
	readers := []io.Reader{strings.NewReader(head)}
	for i := range resources {
		readers = append(readers, &lazy{make: func() string {
			return strings.Repeat(",", count(i > 0)) + fmt.Sprintf(`{"urn":"urn:pulumi:dev::shop::aws:ec2/instance:Instance::web-%d","custom":true,`+
				`"id":"i-%d","type":"aws:ec2/instance:Instance","inputs":{"userData":"%s"},"outputs":{"userData":"%s","id":"i-%d"}}`,
				i, i, strings.Repeat("x", 500), strings.Repeat("x", 500), i)
		}})
	}
	return io.MultiReader(append(readers, strings.NewReader(`]}}}`))...)
}

// lazy makes its text when it is first read.
type lazy struct {
	make func() string
	text *strings.Reader
}

// Read implements io.Reader.
func (l *lazy) Read(p []byte) (int, error) {
	if l.text == nil {
		l.text = strings.NewReader(l.make())
	}
	return l.text.Read(p)
}

func TestGeneratedStateIsOne(t *testing.T) {
	data, err := io.ReadAll(newGenerated(20, 5))
	if err != nil || !json.Valid(data) {
		t.Fatalf("%v\n%s", err, data)
	}
	if size := len(data) / 100; size < 2000 || size > 2600 {
		t.Errorf("an instance takes %d bytes", size)
	}
}

// gauge samples the heap while something is read through it.
type gauge struct {
	r     io.Reader
	reads int
	bytes int64
	peak  uint64
}

// Read implements io.Reader.
func (g *gauge) Read(p []byte) (int, error) {
	if g.reads++; g.reads%100 == 0 {
		g.sample()
	}
	n, err := g.r.Read(p)
	g.bytes += int64(n)
	return n, err
}

func (g *gauge) sample() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	g.peak = max(g.peak, m.HeapInuse)
}

// zstdOf compresses what r delivers.
func zstdOf(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestMemoryDoesNotGrowWithTheState reads states of more than 60 MB. A reader
// that held one of them, or its resources, would pass the bound many times.
func TestMemoryDoesNotGrowWithTheState(t *testing.T) {
	const (
		bound   = 16 << 20
		smaller = 60 << 20
	)
	small := zstdOf(t, newGenerated(30_000, 1))
	opts := Options{Attributes: func(string) []string { return []string{"id", "tags"} }}
	for name, test := range map[string]struct {
		r     io.Reader
		visit bool
		bound uint64
		want  int
	}{
		"summary":                 {newGenerated(30_000, 1), false, bound, 30_000},
		"resources of one block":  {newGenerated(1, 30_000), true, bound, 30_000},
		"resources through zstd":  {bytes.NewReader(small), true, 2 * bound, 30_000},
		"resources of checkpoint": {newGeneratedCheckpoint(60_000), true, 2 * bound, 60_000},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gauge{r: test.r}
			runtime.GC()
			g.sample()
			before := g.peak
			visited := 0
			var visit func(Resource) error
			if test.visit {
				visit = func(r Resource) error {
					if r.Attributes["id"] == nil {
						t.Fatal("a resource came without its id")
					}
					visited++
					return nil
				}
			}
			sum, err := Walk(t.Context(), g, opts, visit)
			if err != nil {
				t.Fatal(err)
			}
			if sum.ManagedInstances != test.want || test.visit && visited != test.want || sum.Size < smaller {
				t.Fatalf("visited %d of %+v", visited, sum)
			}
			if grown := g.peak - before; grown > test.bound {
				t.Errorf("the heap grew by %d KiB for a state of %d KiB", grown>>10, sum.Size>>10)
			}
		})
	}
}

// TestBombsAreStreamed reads what takes a few KiB compressed and more than
// 128 MiB after: nothing of it may be kept.
func TestBombsAreStreamed(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var bomb bytes.Buffer
	bomb.Write(z.EncodeAll([]byte(terraformState[:1]), nil))
	spaces := z.EncodeAll(bytes.Repeat([]byte(" "), 64<<20), nil)
	for range 2 {
		bomb.Write(spaces)
	}
	bomb.Write(z.EncodeAll([]byte(terraformState[1:]), nil))
	if bomb.Len() > 128<<10 {
		t.Fatalf("the bomb takes %d bytes", bomb.Len())
	}
	runtime.GC()
	g := &gauge{r: bytes.NewReader(bomb.Bytes())}
	g.sample()
	before := g.peak
	sum, err := Summarize(t.Context(), g, Options{})
	g.sample()
	if err != nil || sum.Size < 128<<20 || sum.ManagedInstances != 4 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if g.peak-before > 48<<20 {
		t.Errorf("the heap grew by %d KiB", (g.peak-before)>>10)
	}
}

func TestBombsHeedTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	bomb := gzipped(t, bytes.Repeat([]byte(" "), 32<<20))
	reads := 0
	_, err := Summarize(ctx, readerFunc(func(p []byte) (int, error) {
		reads++
		n := copy(p, bomb)
		if bomb = bomb[n:]; len(bomb) == 0 {
			cancel()
			return n, io.EOF
		}
		return n, nil
	}), Options{})
	var decompress *DecompressError
	if !errors.Is(err, context.Canceled) || errors.As(err, &decompress) || reads == 0 {
		t.Errorf("after %d reads: %v", reads, err)
	}
}

type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestForeignDocumentsAreGivenUp counts what is read of large documents that
// are no states.
func TestForeignDocumentsAreGivenUp(t *testing.T) {
	filler := func(unit string) io.Reader { return strings.NewReader(strings.Repeat(unit, 1<<20/len(unit))) }
	for name, r := range map[string]io.Reader{
		"an array":                  io.MultiReader(strings.NewReader(`[`), filler(`{"a":1},`)),
		"one huge member":           io.MultiReader(strings.NewReader(`{"type":"FeatureCollection","features":[`), filler(`{"a":1},`)),
		"a huge string":             io.MultiReader(strings.NewReader(`"`), filler(`x`)),
		"a huge member of a string": io.MultiReader(strings.NewReader(`{"data":"`), filler(`x`)),
		"many members":              io.MultiReader(strings.NewReader(`{`), filler(`"a":1,`)),
		"a template":                io.MultiReader(strings.NewReader(`{"$schema":"x","contentVersion":"1.0.0.0","resources":[`), filler(`{"type":"a","name":"b","properties":{}},`)),
		"resources in an object":    io.MultiReader(strings.NewReader(`{"AWSTemplateFormatVersion":"2010-09-09","Resources":{`), filler(`"a":{},`)),
		"a plan":                    io.MultiReader(strings.NewReader(`{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{`), filler(`"a":{},`)),
		"a lock file":               io.MultiReader(strings.NewReader(`{"name":"x","version":"1.0.0","lockfileVersion":3,"packages":{`), filler(`"a":{},`)),
		"statistics of a bundler":   io.MultiReader(strings.NewReader(`{"version":"4.1","modules":[`), filler(`{"a":1},`)),
		"outputs of something":      io.MultiReader(strings.NewReader(`{"outputs":{`), filler(`"a":{"b":1},`)),
		"a deployment of something": io.MultiReader(strings.NewReader(`{"deployment":{"spec":{`), filler(`"a":{"b":1},`)),
		"a checkpoint of something": io.MultiReader(strings.NewReader(`{"checkpoint":{"weights":[`), filler(`0.5,`)),
	} {
		g := &gauge{r: r}
		_, err := Summarize(t.Context(), g, Options{})
		if !isNotState(err) {
			t.Errorf("%s: %v", name, err)
		}
		if g.bytes > 200<<10 {
			t.Errorf("%s: %d bytes were read", name, g.bytes)
		}
	}
}
