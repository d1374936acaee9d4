ARG REGISTRY=docker.io
ARG BASE=debian
ARG TAG=12-slim
ARG EMPTY
FROM ${REGISTRY}/library/eclipse-temurin:21-jre AS jre
FROM ${BASE}:${TAG} AS base
FROM ${EMPTY} AS none
FROM ${OTHER:-ubuntu:24.04} AS other
FROM ${EMPTY:-fedora:40}
FROM node:20-${VARIANT}
