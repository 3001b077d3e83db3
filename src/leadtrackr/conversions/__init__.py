"""The delivery engine: a status change becomes a job, a job becomes deliveries, and each is sent surely and visibly."""
