"""The engines behind the seam of `exchange.rows.engine`: DuckDB on its own files or on Parquet, Spark far away."""
