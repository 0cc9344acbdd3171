# What a script in R gets through RSocrata, as JSON for the test that started it. Arguments: address, 4x4.
suppressPackageStartupMessages(library(RSocrata))
given <- commandArgs(trailingOnly = TRUE)
rows <- paste0(given[1], "/resource/", given[2])
whole <- read.socrata(paste0(rows, ".csv"))
json <- read.socrata(paste0(rows, ".json?$where=magnitude > 3.0"))
count <- read.socrata(paste0(rows, ".json?$select=count(*)"))
limited <- read.socrata(paste0(rows, ".csv?$limit=7"))
page <- read.socrata(paste0(given[1], "/d/", given[2]))
listed <- ls.socrata(given[1])
wrong <- tryCatch(read.socrata(paste0(rows, ".json?$where=nosuch > 1")), error = conditionMessage)
cat(jsonlite::toJSON(list(
  rows = nrow(whole), first = whole$earthquake_id[1], last = whole$earthquake_id[nrow(whole)],
  time = class(whole$datetime)[1], when = format(whole$datetime[2], "%Y-%m-%d %H:%M"), number = class(whole$magnitude),
  json = nrow(json), count = as.character(count[1, 1]), limited = nrow(limited), page = nrow(page),
  listed = listed$identifier, wrong = wrong
), auto_unbox = TRUE))
