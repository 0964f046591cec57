package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

// sentinels are the codes of S3 and of servers like it that mean one of a
// store's errors. Codes: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
var sentinels = map[string]error{
	"PreconditionFailed":        artifact.ErrExist,
	"NoSuchKey":                 artifact.ErrNotExist,
	"NotFound":                  artifact.ErrNotExist, // an answer to HEAD, which has no body to say more
	"BadDigest":                 artifact.ErrMismatch,
	"InvalidDigest":             artifact.ErrMismatch,
	"XAmzContentSHA256Mismatch": artifact.ErrMismatch,
	// minio's name for a wrong x-amz-checksum-*.
	"XAmzContentChecksumMismatch": artifact.ErrMismatch,

	"AccessDenied":          artifact.ErrRefused,
	"AccountProblem":        artifact.ErrRefused,
	"AllAccessDisabled":     artifact.ErrRefused,
	"ExpiredToken":          artifact.ErrRefused,
	"InsufficientStorage":   artifact.ErrRefused,
	"InvalidAccessKeyId":    artifact.ErrRefused,
	"InvalidBucketName":     artifact.ErrRefused,
	"InvalidToken":          artifact.ErrRefused,
	"KeyTooLongError":       artifact.ErrRefused,
	"NoSuchBucket":          artifact.ErrRefused,
	"NotImplemented":        artifact.ErrRefused,
	"PermanentRedirect":     artifact.ErrRefused, // another region
	"QuotaExceeded":         artifact.ErrRefused,
	"RequestTimeTooSkewed":  artifact.ErrRefused,
	"SignatureDoesNotMatch": artifact.ErrRefused,
	// versitygw's name for an unknown access key.
	"XAdminUserNotFound": artifact.ErrRefused,
}

// fixes are what to do about some refusals.
var fixes = map[string]string{
	"AccessDenied":          "the credentials lack a right on the bucket",
	"ExpiredToken":          "get new credentials",
	"InsufficientStorage":   "the disk of the store is full",
	"InvalidAccessKeyId":    "check AWS_ACCESS_KEY_ID",
	"NoSuchBucket":          "create the bucket, or correct the store's address",
	"PermanentRedirect":     "set AWS_REGION to the bucket's region",
	"RequestTimeTooSkewed":  "set this host's clock",
	"SignatureDoesNotMatch": "check AWS_SECRET_ACCESS_KEY",
	"XAdminUserNotFound":    "check AWS_ACCESS_KEY_ID",
}

// fail says what could not be done to what, in the store's terms and without the
// SDK's envelope.
func (s *Store) fail(ctx context.Context, verb, key string, err error) error {
	object := s.Location() + "/" + key
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", verb, object, context.Cause(ctx))
	}
	code, status := codeOf(err)
	text := err
	switch {
	case code != "":
		api, _ := errors.AsType[smithy.APIError](err)
		text = fmt.Errorf("%s (HTTP %d)", code, status)
		if m := api.ErrorMessage(); m != "" {
			text = fmt.Errorf("%s: %s (HTTP %d)", code, m, status)
		}
		if fix := fixes[code]; fix != "" {
			text = fmt.Errorf("%w; %s", text, fix)
		}
	default:
		if op, ok := errors.AsType[*net.OpError](err); ok {
			text = fmt.Errorf("%s: %w", s.where(), op)
		}
	}
	if sentinel := sentinelOf(code, status); sentinel != nil {
		return fmt.Errorf("%s %s: %w: %w", verb, object, sentinel, text)
	}
	return fmt.Errorf("%s %s: %w", verb, object, text)
}

// codeOf returns the S3 error code and the HTTP status in err, where it has any.
func codeOf(err error) (code string, status int) {
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = r.HTTPStatusCode()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	return code, status
}

func sentinelOf(code string, status int) error {
	if e := sentinels[code]; e != nil {
		return e
	}
	switch status {
	case http.StatusPreconditionFailed:
		return artifact.ErrExist
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusInsufficientStorage,
		http.StatusMovedPermanently: // to the server of another region
		return artifact.ErrRefused
	}
	return nil
}

// is says whether err means that sentinel, before it is translated.
func is(err, sentinel error) bool {
	return err != nil && errors.Is(sentinelOf(codeOf(err)), sentinel)
}

// isConflict says whether err asks for another try: two conditional writes met.
func isConflict(err error) bool {
	code, _ := codeOf(err)
	return code == "ConditionalRequestConflict"
}
