// Package s3 keeps objects in a bucket of Amazon S3 or of anything that speaks
// its protocol well: with conditional writes, which are what keeps a published
// object from being overwritten, and preferably with checksums.
package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

const (
	// answerTimeout bounds the wait for an answer once a request is sent. A
	// server that assembles a huge multipart object takes minutes.
	answerTimeout = 5 * time.Minute
	// credentialsTimeout bounds the search for credentials, which ends at an
	// instance metadata service that most hosts do not have.
	credentialsTimeout = 15 * time.Second
	// maxPrefix is what keys leave of the 1,024 bytes that S3 allows.
	maxPrefix = 120
)

// Store is a bucket, or the part of one below a prefix. It implements
// artifact.Store.
type Store struct {
	client      *s3.Client
	credentials aws.CredentialsProvider
	bucket      string
	prefix      string // "" or with a slash at its end
	endpoint    string // "" for Amazon's own
	region      string
	plainHTTP   bool
	buffers     chan []byte // for parts of bodies that can be read only once; nil until first used
	bucketSeen  atomic.Bool // the bucket is known to exist
	probed      probes
}

var _ artifact.Store = (*Store)(nil)

// Open opens the store at rawURL, which is s3://BUCKET or s3://BUCKET/PREFIX.
// Credentials, region and endpoint come from the AWS_* environment and the shared
// configuration files, as for every program that uses Amazon's SDK. Without any
// credentials it returns artifact.ErrRefused; it sends nothing to the bucket.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	bucket, prefix, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithLogger(logging.Nop{}),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout = answerTimeout
		})))
	if err != nil {
		return nil, fmt.Errorf("open store %s: AWS configuration: %w", rawURL, err)
	}
	s := &Store{bucket: bucket, prefix: prefix, buffers: make(chan []byte, partsAtOnce)}
	for range cap(s.buffers) {
		s.buffers <- nil
	}
	s.client = s3.NewFromConfig(cfg, func(o *s3.Options) {
		if o.BaseEndpoint != nil {
			s.endpoint = *o.BaseEndpoint
			o.UsePathStyle = true // a server at an address of its own has no names for buckets
			if o.Region == "" {
				o.Region = "us-east-1"
			}
		}
		s.region = o.Region
		// Every write names its checksum, and what is read is checked against the
		// manifest: the SDK's own choices only trouble servers that know less.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	s.plainHTTP = strings.HasPrefix(s.endpoint, "http://")
	s.credentials = cfg.Credentials
	if s.region == "" {
		return nil, fmt.Errorf("open store %s: %w: no region is set; set AWS_REGION to the bucket's region", rawURL, artifact.ErrRefused)
	}
	if _, err := s.retrieve(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func parse(rawURL string) (bucket, prefix string, err error) {
	bad := func(why string) error {
		return fmt.Errorf("store %q: %s; write s3://BUCKET/PREFIX", rawURL, why)
	}
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("the store's address is no URL; write s3://BUCKET/PREFIX")
	case u.User != nil:
		return "", "", fmt.Errorf("the address of the store in bucket %s holds credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead", u.Hostname())
	case u.Scheme != "s3":
		return "", "", bad("not an s3:// address")
	case len(u.Host) < 3 || len(u.Host) > 63 || strings.Trim(u.Host, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "":
		return "", "", bad(fmt.Sprintf("bucket names have 3 to 63 of a-z, 0-9, dot and hyphen, which %q has not", u.Host))
	case u.RawQuery != "" || u.Fragment != "":
		return "", "", bad("an address has no ? or # part (AWS_ENDPOINT_URL_S3 sets an endpoint)")
	}
	if prefix = strings.Trim(u.Path, "/"); prefix == "" {
		return u.Host, "", nil
	}
	if err := artifact.CheckKey(prefix); err != nil {
		return "", "", bad(err.Error())
	}
	if len(prefix) > maxPrefix {
		return "", "", bad(fmt.Sprintf("the prefix has %d bytes, more than %d", len(prefix), maxPrefix))
	}
	return u.Host, prefix + "/", nil
}

// Location names the bucket and the prefix.
func (s *Store) Location() string {
	return "s3://" + strings.TrimSuffix(s.bucket+"/"+s.prefix, "/")
}

// where is the location with the server, for messages about the store itself.
func (s *Store) where() string {
	if s.endpoint == "" {
		return s.Location()
	}
	endpoint := s.endpoint
	if u, err := url.Parse(endpoint); err == nil {
		endpoint = u.Redacted()
	}
	return s.Location() + " at " + endpoint
}

// Credentials returns the environment that gives another process the same access
// to the same store, with credentials as they are now. They are secrets.
func (s *Store) Credentials(ctx context.Context) (map[string]string, error) {
	c, err := s.retrieve(ctx)
	if err != nil {
		return nil, err
	}
	env := map[string]string{
		"AWS_ACCESS_KEY_ID":         c.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":     c.SecretAccessKey,
		"AWS_REGION":                s.region,
		"AWS_EC2_METADATA_DISABLED": "true", // they are all there: nothing is to be asked of the host
	}
	if c.SessionToken != "" {
		env["AWS_SESSION_TOKEN"] = c.SessionToken
	}
	if s.endpoint != "" {
		env["AWS_ENDPOINT_URL_S3"] = s.endpoint
	}
	return env, nil
}

func (s *Store) retrieve(ctx context.Context) (aws.Credentials, error) {
	refuse := func(why string) error {
		return fmt.Errorf("open store %s: %w: no AWS credentials: %s; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
			s.Location(), artifact.ErrRefused, why)
	}
	if s.credentials == nil {
		return aws.Credentials{}, refuse("none are configured")
	}
	within, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	c, err := s.credentials.Retrieve(within)
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	if err != nil {
		return c, refuse(err.Error())
	}
	return c, nil
}

// name is where the object under key lies in the bucket.
func (s *Store) name(key string) *string { return aws.String(s.prefix + key) }
