"""The specification's pipeline as it stands there (phase 1, memory-optimized ML pipeline): the bench's peer.

Word for word but for three names that it uses and does not import (``List``, ``StringIO``, ``logger``), and for the
formatter's line breaks. Its faults are measured, not mended.
"""

# ruff: noqa
# mypy: ignore-errors

from __future__ import annotations

import gc
import logging
import psutil
import numpy as np
import pandas as pd
from io import StringIO
from typing import Dict, Any, Iterator, List, Optional
from dataclasses import dataclass
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@dataclass
class MemoryConfig:
    max_memory_mb: int = 2000
    chunk_size: int = 1000
    gc_frequency: int = 10
    warning_threshold: float = 0.8
    critical_threshold: float = 0.9


class MemoryMonitor:
    def __init__(self, max_memory_mb: int):
        self.max_memory_bytes = max_memory_mb * 1024 * 1024
        self.process = psutil.Process()

    def get_memory_usage(self) -> float:
        """Get current memory usage as percentage of limit"""
        current_memory = self.process.memory_info().rss
        return current_memory / self.max_memory_bytes

    def get_memory_mb(self) -> float:
        """Get current memory usage in MB"""
        return self.process.memory_info().rss / (1024 * 1024)

    def is_memory_critical(self) -> bool:
        return self.get_memory_usage() > 0.9

    def is_memory_warning(self) -> bool:
        return self.get_memory_usage() > 0.8


class OptimizedMLPipeline:
    def __init__(self, config: MemoryConfig):
        self.config = config
        self.memory_monitor = MemoryMonitor(config.max_memory_mb)
        self.chunk_counter = 0

    def extract_features_chunked(self, data: Dict[str, Any]) -> Dict[str, np.ndarray]:
        """Memory-optimized feature extraction with chunked processing"""

        if "metrics" not in data:
            return {}

        # Initialize result containers
        features = {}
        chunk_results = []

        try:
            # Process data in memory-safe chunks
            for chunk_idx, chunk in enumerate(self._get_data_chunks(data["metrics"])):
                # Memory check before processing
                if self.memory_monitor.is_memory_critical():
                    self._emergency_memory_cleanup()

                # Process chunk
                chunk_features = self._process_chunk_safe(chunk, chunk_idx)
                chunk_results.append(chunk_features)

                # Periodic cleanup
                if chunk_idx % self.config.gc_frequency == 0:
                    self._cleanup_memory()

                # Memory monitoring
                memory_usage = self.memory_monitor.get_memory_mb()
                if memory_usage > self.config.max_memory_mb * self.config.warning_threshold:
                    logger.warning(f"High memory usage: {memory_usage:.1f}MB")

            # Combine chunk results efficiently
            features = self._combine_chunk_results(chunk_results)

        except MemoryError:
            logger.error("Memory exhausted during feature extraction")
            self._emergency_memory_cleanup()
            raise
        except Exception as e:
            logger.error(f"Feature extraction failed: {e}")
            raise
        finally:
            # Final cleanup
            del chunk_results
            self._cleanup_memory()

        return features

    def _get_data_chunks(self, data: Any) -> Iterator[pd.DataFrame]:
        """Generate data chunks with memory monitoring"""

        if isinstance(data, str):
            # Handle JSON string data
            try:
                # Parse JSON in chunks to avoid loading entire dataset
                for chunk in pd.read_json(
                    StringIO(data),
                    chunksize=self.config.chunk_size,
                    lines=True,  # Assume JSONL format for large data
                ):
                    yield chunk
            except ValueError:
                # Fallback for regular JSON
                df = pd.read_json(StringIO(data))
                yield from self._chunk_dataframe(df)

        elif isinstance(data, pd.DataFrame):
            yield from self._chunk_dataframe(data)

        elif isinstance(data, list):
            # Handle list of records
            for i in range(0, len(data), self.config.chunk_size):
                chunk_data = data[i : i + self.config.chunk_size]
                chunk_df = pd.DataFrame(chunk_data)
                yield chunk_df

    def _chunk_dataframe(self, df: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Split DataFrame into memory-safe chunks"""
        for i in range(0, len(df), self.config.chunk_size):
            yield df.iloc[i : i + self.config.chunk_size].copy()

    def _process_chunk_safe(self, chunk: pd.DataFrame, chunk_idx: int) -> Dict[str, np.ndarray]:
        """Process a single chunk with memory safety"""

        with self._memory_context(f"chunk_{chunk_idx}"):
            # Select only numeric columns for feature extraction
            numeric_columns = chunk.select_dtypes(include=[np.number]).columns

            if len(numeric_columns) == 0:
                return {}

            # Extract numeric features
            numeric_data = chunk[numeric_columns].values.astype(np.float32)

            # Basic feature engineering
            features = {
                "raw": numeric_data,
                "mean": np.mean(numeric_data, axis=0),
                "std": np.std(numeric_data, axis=0),
                "min": np.min(numeric_data, axis=0),
                "max": np.max(numeric_data, axis=0),
                "median": np.median(numeric_data, axis=0),
            }

            # Handle categorical features if present
            categorical_columns = chunk.select_dtypes(include=["object", "category"]).columns
            if len(categorical_columns) > 0:
                features["categorical"] = self._encode_categorical_safe(chunk[categorical_columns])

            return features

    def _encode_categorical_safe(self, categorical_data: pd.DataFrame) -> np.ndarray:
        """Safely encode categorical features with memory limits"""

        # Use simple label encoding for memory efficiency
        encoded_features = []

        for col in categorical_data.columns:
            # Limit unique values to prevent memory explosion
            unique_values = categorical_data[col].unique()
            if len(unique_values) > 1000:
                # Sample most frequent values
                value_counts = categorical_data[col].value_counts()
                top_values = value_counts.head(1000).index
                categorical_data[col] = categorical_data[col].where(categorical_data[col].isin(top_values), "OTHER")

            # Simple label encoding
            categories = categorical_data[col].astype("category")
            encoded = categories.cat.codes.values
            encoded_features.append(encoded)

        return np.column_stack(encoded_features) if encoded_features else np.array([])

    def _combine_chunk_results(self, chunk_results: List[Dict[str, np.ndarray]]) -> Dict[str, np.ndarray]:
        """Efficiently combine chunk results"""

        if not chunk_results:
            return {}

        combined = {}

        # Get all unique feature keys
        all_keys = set()
        for chunk_result in chunk_results:
            all_keys.update(chunk_result.keys())

        for key in all_keys:
            # Collect features for this key
            key_features = [
                chunk_result[key]
                for chunk_result in chunk_results
                if key in chunk_result and chunk_result[key].size > 0
            ]

            if not key_features:
                continue

            # Combine based on feature type
            if key == "raw":
                combined[key] = np.vstack(key_features)
            elif key in ["mean", "std", "min", "max", "median"]:
                # Aggregate statistics across chunks
                feature_array = np.vstack(key_features)
                if key == "mean":
                    combined[key] = np.mean(feature_array, axis=0)
                elif key == "std":
                    combined[key] = np.std(feature_array, axis=0)
                elif key == "min":
                    combined[key] = np.min(feature_array, axis=0)
                elif key == "max":
                    combined[key] = np.max(feature_array, axis=0)
                elif key == "median":
                    combined[key] = np.median(feature_array, axis=0)
            else:
                # Default: concatenate
                combined[key] = np.vstack(key_features)

        return combined

    @contextmanager
    def _memory_context(self, context_name: str):
        """Memory monitoring context manager"""
        start_memory = self.memory_monitor.get_memory_mb()

        try:
            yield
        finally:
            end_memory = self.memory_monitor.get_memory_mb()
            memory_delta = end_memory - start_memory

            if memory_delta > 100:  # More than 100MB increase
                logger.warning(f"High memory increase in {context_name}: {memory_delta:.1f}MB")

    def _cleanup_memory(self):
        """Perform memory cleanup"""
        gc.collect()

        # Clear any cached computations
        if hasattr(self, "_feature_cache"):
            self._feature_cache.clear()

    def _emergency_memory_cleanup(self):
        """Emergency memory cleanup when approaching limits"""
        logger.warning("Emergency memory cleanup triggered")

        # Force garbage collection
        for _ in range(3):
            gc.collect()

        # Clear all caches
        if hasattr(self, "_feature_cache"):
            self._feature_cache.clear()

        # Clear GPU cache if available
        try:
            import torch

            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        except ImportError:
            pass

        memory_after = self.memory_monitor.get_memory_mb()
        logger.info(f"Memory after cleanup: {memory_after:.1f}MB")
