package kafka

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sinew-go/sinew/fault"
)

func portText(port int32) string { return strconv.Itoa(int(port)) }

// Errors that only an operator can end, by what he has to look at.
var (
	credentialErrors = []error{kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState}
	permissionErrors = []error{
		kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
	}
	settingErrors = []error{
		kerr.InvalidTopicException, kerr.InvalidPartitions, kerr.InvalidReplicationFactor, kerr.InvalidConfig, kerr.PolicyViolation,
		kerr.InvalidSessionTimeout, kerr.UnsupportedForMessageFormat,
	}
)

// failure translates err for the publisher. What a repeat cannot change is not
// fault.Unavailable.
func (b *Bus) failure(topic string, err error) error {
	last := b.watcher.failure()
	switch {
	case b.refuses(true) || errors.Is(err, kgo.ErrClientClosed):
		return errClosed(topic)
	case errors.Is(err, context.Canceled):
		return fault.Canceled.Errorf("topic %s: %w", topic, err)
	case errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge):
		return fault.InvalidArgument.Errorf("topic %s: the event is too large: the topic's max.message.bytes is below Config.MaxEventBytes, %d: %w",
			topic, b.config.MaxEventBytes, err)
	case errors.Is(err, kerr.UnknownTopicOrPartition) && b.config.TopicsMustExist:
		return fault.FailedPrecondition.Errorf("topic %s does not exist: create it, or unset Config.TopicsMustExist", topic)
	case isAny(err, permissionErrors):
		return fault.FailedPrecondition.Errorf("topic %s: kafka does not permit it to %q; see its ACLs: %w", topic, b.config.User, err)
	case isAny(err, settingErrors):
		return fault.FailedPrecondition.Errorf("topic %s: kafka refuses; see Config and the settings of the brokers: %w", topic, err)
	}
	for _, err := range []error{err, last} {
		switch {
		case isAny(err, credentialErrors):
			return fault.FailedPrecondition.Errorf("topic %s: kafka refuses the credentials; see Config.Mechanism, User, Password and Token: %w", topic, err)
		case isTooOld(err):
			return fault.FailedPrecondition.Errorf("topic %s: the broker is older than Kafka 2.4, which this bus needs: %w", topic, err)
		}
	}
	if last != nil {
		return fault.Unavailable.Errorf("topic %s: kafka does not answer (%v): %w", topic, last, err)
	}
	return fault.Unavailable.Errorf("topic %s: kafka does not acknowledge: %w", topic, err)
}

func isAny(err error, targets []error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// isTooOld reports whether the broker lacks a version of a request. The client has no
// name for these errors.
func isTooOld(err error) bool {
	return err != nil && (errors.Is(err, kerr.UnsupportedVersion) ||
		strings.Contains(err.Error(), "below the user defined min") || strings.Contains(err.Error(), "broker is too old"))
}
