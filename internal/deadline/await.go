package deadline

import "context"

// Await waits for done, and returns the error of ctx if that ends first. What is done
// already is done, whatever ctx says.
func Await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
