"""What one trial does, on a worker: data, models, transfer methods, teachers and the training loop."""
