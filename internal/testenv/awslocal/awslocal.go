package awslocal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

// DefaultRegion is the region that the clients of a server sign for.
const DefaultRegion = "eu-west-3"

// Options say how a server differs from the default one.
type Options struct {
	// TableDelay is how long dynalite shows a table as CREATING, UPDATING or DELETING. Zero means not
	// at all. Moto has no such thing.
	TableDelay time.Duration
	// Restless lets the threads of moto take turns a thousand times as often as Python does, so that
	// what races in it shows soon.
	Restless bool
}

// Server is a running moto or dynalite.
type Server struct {
	// Endpoint is http://127.0.0.1:PORT, for every service.
	Endpoint string
	// AccessKey and SecretKey are made up: neither server checks them.
	AccessKey, SecretKey string
	Region               string
	// AccountID is the twelve digits of the account that owns everything.
	AccountID string

	dir      string
	process  *proc.Process
	front    *httptest.Server // nil where none is needed
	client   *http.Client
	stopOnce sync.Once
	stopErr  error
}

// StartMoto installs moto if it has to, starts it and waits until it answers. The context bounds
// that; the server runs until Stop. Nothing survives it.
func StartMoto(ctx context.Context, opts Options) (*Server, error) {
	path, err := toolchain.Path(ctx, "moto")
	if err != nil {
		return nil, err
	}
	var program []string
	if opts.Restless { // 5 ms otherwise
		path = filepath.Join(filepath.Dir(path), "venv", "bin", "python3")
		program = []string{"-c", "import sys; sys.setswitchinterval(5e-6); import moto.server; moto.server.main(sys.argv[1:])"}
	}
	return start(ctx, "moto", path, "MOTO_ACCOUNT_ID", func(port int) []string {
		return append(slices.Clone(program), "-H", "127.0.0.1", "-p", strconv.Itoa(port))
	})
}

// StartDynalite is StartMoto for dynalite, which serves DynamoDB only.
func StartDynalite(ctx context.Context, opts Options) (*Server, error) {
	path, err := toolchain.Path(ctx, "dynalite")
	if err != nil {
		return nil, err
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("dynalite needs Node.js (apt-get install nodejs npm on Debian and Ubuntu): %w", err)
	}
	delay := strconv.FormatInt(opts.TableDelay.Milliseconds(), 10)
	s, err := start(ctx, "dynalite", node, "AWS_ACCOUNT_ID", func(port int) []string {
		return []string{
			path, "--host", "127.0.0.1", "--port", strconv.Itoa(port),
			"--createTableMs", delay, "--updateTableMs", delay, "--deleteTableMs", delay,
		}
	})
	if err != nil {
		return nil, err
	}
	s.front = shelter(s.Endpoint)
	s.Endpoint = s.front.URL
	return s, nil
}

func start(ctx context.Context, name, path, accountVariable string, args func(int) []string) (*Server, error) {
	account, err := rand.Int(rand.Reader, big.NewInt(900_000_000_000))
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "groundwork-"+name+"-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for %s: %w", name, err)
	}
	s := &Server{
		AccessKey: "AKIA" + rand.Text()[:16], SecretKey: (rand.Text() + rand.Text())[:40], Region: DefaultRegion,
		AccountID: strconv.FormatInt(account.Int64()+100_000_000_000, 10),
		dir:       dir, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}
	server := proc.Server{
		Name: name, Path: path, Dir: dir, Args: args,
		Env: proc.CleanEnv(dir, accountVariable+"="+s.AccountID, "AWS_DEFAULT_REGION="+s.Region,
			// moto's botocore must find no configuration of the machine.
			"AWS_EC2_METADATA_DISABLED=true", "PYTHONUNBUFFERED=1"),
		Ready: func(ctx context.Context, port int) error {
			return s.ready(ctx, fmt.Sprintf("http://127.0.0.1:%d", port))
		},
	}
	if s.process, err = server.Start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.Endpoint = fmt.Sprintf("http://127.0.0.1:%d", s.process.Port())
	return s, nil
}

// ready makes a table and removes it: its ARN holds the account that only this server was given, and
// no other server that took the port answers with it.
func (s *Server) ready(ctx context.Context, endpoint string) error {
	db := s.DynamoDBFor(endpoint, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	name := aws.String("ready-" + rand.Text()[:8])
	out, err := db.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("k"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		return err
	}
	if arn := aws.ToString(out.TableDescription.TableArn); !strings.Contains(arn, ":"+s.AccountID+":") {
		return fmt.Errorf("another server answers: it made %s", arn)
	}
	// Until the table is there it cannot be deleted, and nobody minds one that stays.
	_, _ = db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: name})
	return nil
}

// DynamoDB returns a client of the SDK, for tests that arrange and check what the code under test
// must do with a client of its own.
func (s *Server) DynamoDB() *dynamodb.Client { return s.DynamoDBFor(s.Endpoint) }

// DynamoDBFor is DynamoDB for another endpoint that leads to this server, as a proxy does.
func (s *Server) DynamoDBFor(endpoint string, optFns ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(endpoint), Region: s.Region, HTTPClient: s.client,
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
	}, optFns...)
}

// S3 returns a client of the SDK for moto's buckets.
func (s *Server) S3() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.Endpoint), Region: s.Region, HTTPClient: s.client, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
	})
}

// Log returns the end of what the server printed.
func (s *Server) Log() string { return s.process.Log() }

// PID returns the process id of the server.
func (s *Server) PID() int { return s.process.PID() }

// Stop ends the server. It is safe to call more than once.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		s.client.CloseIdleConnections()
		s.stopErr = errors.Join(s.process.Stop(), os.RemoveAll(s.dir))
		if s.front != nil {
			s.front.CloseClientConnections() // a test that failed may have left some
			s.front.Close()
		}
	})
	return s.stopErr
}
